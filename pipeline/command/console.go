package command

import (
	"io"
	"os"
	"strings"
	"time"
)

// Console is what a command line runs in. Main fills it in for this process; tests
// fill in what they want to see. Zero fields have the defaults that stand there.
type Console struct {
	// Name is the program's, for the help. Zero: "deployer".
	Name string
	// Args are the arguments without the program's name.
	Args []string
	// Stdin is read where a person is asked. Zero: empty.
	Stdin io.Reader
	// Stdout gets results and progress, Stderr errors and questions. Zero: nobody.
	Stdout, Stderr io.Writer
	// Interactive says that a person can be asked.
	Interactive bool
	// Width is the width of the terminal that Stdout is; zero when it is none. It is
	// asked again for each picture. Nil: it is none.
	Width func() int
	// Getenv reads NO_COLOR and TERM. Nil: both are unset.
	Getenv func(string) string
	// By is who asks, where -by does not say so.
	By string
	// Now is the clock for what is shown. Nil: time.Now.
	Now func() time.Time
	// Zone is the time zone in which times are shown and read. Nil: time.Local.
	Zone *time.Location
	// Signals are those that the process caught. Nil: none.
	Signals <-chan os.Signal
}

func (c Console) withDefaults() Console {
	if c.Name == "" {
		c.Name = "deployer"
	}
	if c.Stdin == nil {
		c.Stdin = strings.NewReader("")
	}
	if c.Stdout == nil {
		c.Stdout = io.Discard
	}
	if c.Stderr == nil {
		c.Stderr = io.Discard
	}
	if c.Width == nil {
		c.Width = func() int { return 0 }
	}
	if c.Getenv == nil {
		c.Getenv = func(string) string { return "" }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Zone == nil {
		c.Zone = time.Local
	}
	return c
}

// lively reports whether pictures can be redrawn on the terminal.
func (c Console) lively() bool { return c.Width() > 0 && c.Getenv("TERM") != "dumb" }

// colourful reports whether colours are welcome.
func (c Console) colourful() bool { return c.lively() && c.Getenv("NO_COLOR") == "" }
