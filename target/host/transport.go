package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

	// Stdin is the script's input; nil is none. It may hold secrets (a URL from which to
	// fetch, for minutes). Where Packs.Depot is set it is small, so that a transport
	// that carries no input can make it a part of the script (Inline). Stdout and Stderr take its output as
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

// maxInline is the largest input that becomes a part of a script, in bytes.
const maxInline = 32 << 10

// Inline is Text with the input in it, for transports that can carry nothing but a
// text. The input has to be text in lines, of up to 32 KiB. Run it from a file, not by
// "sh -c": the input may hold a secret, which a list of processes would show.
func (c Call) Inline() (string, error) {
	if c.Stdin == nil {
		return "exec </dev/null\n" + c.Text(), nil
	}
	input, err := io.ReadAll(io.LimitReader(c.Stdin, maxInline+1))
	end := "end-of-input-" + c.Nonce
	switch {
	case err != nil:
		return "", fmt.Errorf("read the script's input: %w", err)
	case len(input) > maxInline:
		return "", errors.New("the script's input is too large to be a part of it: give Packs a Depot")
	case len(input) > 0 && input[len(input)-1] != '\n', bytes.ContainsRune(input, 0), bytes.Contains(input, []byte(end)):
		return "", errors.New("the script's input is no text")
	}
	return fmt.Sprintf("exec <<'%s'\n%s%s\n%s", end, input, end, c.Text()), nil
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
