package command

import (
	"errors"
	"fmt"

	"github.com/muster-deploy/muster/pipeline"
)

// The exit codes.
const (
	OK         = 0 // done
	Failed     = 1 // something did not work
	Usage      = 2 // the command line is wrong
	Refused    = 3 // refused by the pipeline or a person; nothing was changed
	Unfinished = 4 // recorded, but it did not end well, or did not end
)

// exitError is an error that has an exit code of its own.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

func misuse(format string, args ...any) error {
	return &exitError{code: Usage, text: fmt.Sprintf(format, args...)}
}

func refused(format string, args ...any) error {
	return &exitError{code: Refused, text: fmt.Sprintf(format, args...)}
}

func unfinished(format string, args ...any) error {
	return &exitError{code: Unfinished, text: fmt.Sprintf(format, args...)}
}

// code returns the exit code for an error.
func code(err error) int {
	var own *exitError
	var i *interruption
	var refusal *pipeline.Refusal
	switch {
	case err == nil:
		return OK
	case errors.As(err, &own):
		return own.code
	case errors.As(err, &i):
		return signalled(i.signal)
	case errors.As(err, &refusal):
		return Refused
	}
	return Failed
}

// failure is the JSON form of an error.
type failure struct {
	Error   string               `json:"error"`
	Exit    int                  `json:"exit"`
	Refusal pipeline.RefusalCode `json:"refusal,omitempty"`
}

// exit reports an error and returns its exit code.
func (c *call) exit(err error) int {
	n := code(err)
	if err == nil {
		return n
	}
	if c.json {
		f := failure{Error: err.Error(), Exit: n}
		var refusal *pipeline.Refusal
		if errors.As(err, &refusal) {
			f.Refusal = refusal.Code
		}
		_ = writeJSON(c.Stderr, f)
		return n
	}
	prefix := ""
	if n == Refused {
		prefix = "refused, nothing was changed: "
	}
	c.tell("%s%s", prefix, err)
	if n == Usage {
		c.tell("Run \"%s help\" to see what there is.", c.Name)
	}
	return n
}
