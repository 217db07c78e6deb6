package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Command is a program to run for a build. There is no shell in between.
type Command struct {
	// Name is the program: looked up on the PATH, or a path.
	Name string
	Args []string

	// Dir is where it runs, relative to the workspace; empty means its root.
	Dir string

	// Env is added to what the Runner lets through.
	Env map[string]string

	// Secrets are added to the environment too, and replaced by Redacted wherever
	// their value shows up in the output. A value among Name and Args is refused:
	// every process of the machine can read those.
	Secrets map[string]string

	// Tools are the versions that the command needs; the Runner provides or checks
	// them. A version is met by one that begins with it: "3.2" by 3.2.4.
	Tools []Tool

	// Timeout bounds the whole run and Idle the time without output; zero leaves
	// either to the Runner.
	Timeout, Idle time.Duration

	// Network says that the command needs to reach other machines. Runners that can
	// keep the others from it do; Local cannot.
	Network bool

	// Transient are pieces of output, in lower case, that tell a failure of the
	// network from one of the app, as "econnreset". Where the end of the output of a
	// command that needs the network holds one, its error is temporary: the build is
	// tried again later, and the change is not given up.
	Transient []string

	// Stdout gets what the command writes to standard output, in place of the log.
	// It is for commands that are asked something. Nil means the log.
	Stdout io.Writer
}

// Runner provides the tools that a command asks for and runs it.
type Runner interface {
	// Run runs c in a workspace, whose root is the absolute path dir, and writes
	// its output to log, line by line and redacted. When ctx ends, and whenever Run
	// returns, nothing that c started is left running. A command that was run and
	// did not succeed is a *CommandError.
	Run(ctx context.Context, dir string, c Command, log io.Writer) error
}

var (
	// ErrTimeout says that a command took longer than its Timeout.
	ErrTimeout = errors.New("it ran into its time limit")

	// ErrIdle says that a command wrote nothing for longer than its Idle.
	ErrIdle = errors.New("it wrote nothing for too long")

	// ErrDaemon says that a command ended and left processes that held its output
	// open. They were killed.
	ErrDaemon = errors.New("it left a process running in the background that holds its output open")
)

// CommandError is a command that did not succeed.
type CommandError struct {
	// Command is the command line.
	Command string
	// Code is the exit code; -1 where the command was killed or did not start.
	Code int
	// Output is the end of what it wrote, redacted.
	Output string
	// Err is why: an *exec.ExitError, ErrTimeout, ErrIdle, ErrDaemon, the cause of
	// the context.
	Err error

	temporary bool
}

// Temporary says whether the failure was the network's, as far as Command.Transient
// can tell.
func (e *CommandError) Temporary() bool { return e.temporary }

// says reports whether the end of the output holds a piece, in any case.
func (e *CommandError) says(piece string) bool {
	return strings.Contains(strings.ToLower(e.Output), piece)
}

// Error names the command, why it ended, and the end of its output.
func (e *CommandError) Error() string {
	s := fmt.Sprintf("run %s: %v", e.Command, e.Err)
	if out := strings.TrimSpace(e.Output); out != "" {
		s += "; its output ends with:\n" + out
	}
	return s
}

// Unwrap returns Err.
func (e *CommandError) Unwrap() error { return e.Err }

// String returns the command line, quoted where it is not plain.
func (c Command) String() string {
	words := make([]string, 0, 1+len(c.Args))
	for _, w := range append([]string{c.Name}, c.Args...) {
		if w == "" || strings.ContainsFunc(w, func(r rune) bool { return notInKey(r) && !strings.ContainsRune("/:=,@%+~", r) }) {
			w = strconv.Quote(w)
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}

// Check returns every complaint about c at once.
func (c Command) Check() error {
	var errs []error
	if c.Name == "" {
		errs = append(errs, errors.New("command without a name"))
	}
	if c.Dir != "" && !isLocal(c.Dir) {
		errs = append(errs, fmt.Errorf("directory %q is not inside the workspace", c.Dir))
	}
	if c.Timeout < 0 || c.Idle < 0 {
		errs = append(errs, errors.New("a time limit below zero"))
	}
	errs = append(errs, checkVariables(c.Env), checkVariables(c.Secrets), c.checkSecrets())
	return errors.Join(errs...)
}

// checkVariables judges names and values of an environment, without quoting values.
func checkVariables(env map[string]string) error {
	var errs []error
	for name, value := range env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
			errs = append(errs, fmt.Errorf("variable %q cannot be set: its name is empty or has a \"=\", or there is a zero byte in it", name))
		}
	}
	return errors.Join(errs...)
}

// checkSecrets refuses a secret where others could read it.
func (c Command) checkSecrets() error {
	var errs []error
	for name, value := range c.Secrets {
		if value == "" {
			continue
		}
		holds := func(s string) bool { return strings.Contains(s, value) }
		if holds(c.Name) || slices.ContainsFunc(c.Args, holds) {
			errs = append(errs, fmt.Errorf("the value of secret %s is on the command line, which every process of the machine can read: "+
				"let the command read the variable %s", name, name))
		}
	}
	return errors.Join(errs...)
}
