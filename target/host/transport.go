package host

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
)

// Transport runs scripts on one host: by ssh, an agent, or on this machine (Exec).
//
// Run runs c to its end and returns nil if the script exited with 0. When ctx ends
// it stops waiting, stops the script if it can, and returns an error; the script is
// built to be cut off anywhere. Run may be called by many goroutines at once. A
// transport that delivers a call twice, or late, does no harm.
type Transport interface {
	Run(ctx context.Context, c Call) error
}

// Call is one run of a script on a host.
type Call struct {
	// Script is the text of a POSIX sh script and Args are its arguments. They may
	// hold any character: pass them as they are (sh -c Script muster Args...), or
	// quote them, as Text does. They hold no secrets.
	Script string
	Args   []string

	// Nonce is new for each call that is meant anew, of [0-9a-f].
	Nonce string

	// Stdin is the script's input; nil is none. Stdout and Stderr take its output as
	// it comes. The answer is the last line of Stdout.
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	// Step is what the script is asked for, for logs and for transports that treat calls
	// by how long they take: "observe", "check", "guard", "prepare", "activate".
	Step string
}

// WithNonce returns the same call under another nonce. A transport that can hand one
// text to many hosts gives calls that are alike but for their nonces a common one; it
// then has to put the call's own back into the answer, which is the second word of the
// last line.
func (c Call) WithNonce(nonce string) Call {
	c.Args = slices.Clone(c.Args)
	for i, arg := range c.Args {
		if arg == nonceSetting+c.Nonce {
			c.Args[i] = nonceSetting + nonce
		}
	}
	c.Nonce = nonce
	return c
}

// Text returns script and arguments as one script, for transports that can carry
// only text: feed it to sh by "sh -c", which leaves stdin to the script. No argument
// is ever read as anything but itself.
func (c Call) Text() string {
	var b strings.Builder
	b.WriteString("set --")
	for _, arg := range c.Args {
		b.WriteString(" " + Quote(arg))
	}
	return b.String() + "\n" + c.Script
}

// Quote returns s as one word of sh, whatever it holds.
func Quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// check refuses what no shell can be given.
func (c Call) check() error {
	for _, s := range append([]string{c.Script}, c.Args...) {
		if strings.ContainsRune(s, 0) {
			return errors.New("an argument holds a zero byte")
		}
	}
	return nil
}
