package runcommand

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/muster-deploy/muster/target/host"
)

// call is one Run: one script on one instance.
type call struct {
	id    string
	in    host.Call
	input []byte // what in.Stdin held; nil for none
	key   key
	ended chan outcome // takes one

	left   bool    // nobody waits for it any more; guarded by the Sender
	flight *flight // that it is on and that has not ended it; guarded by the Sender
}

// outcome is what became of a call.
type outcome struct {
	stdout, stderr string
	err            error
}

// key is the same for calls that may be one command: all but their nonces.
type key struct{ step, script, args, input string }

// maxInput is how much of a script's input is read, in bytes: more than it may have.
const maxInput = 64 << 10

func newCall(id string, in host.Call) (*call, error) {
	c := &call{id: id, in: in, ended: make(chan outcome, 1)}
	if in.Stdin != nil {
		var err error
		if c.input, err = io.ReadAll(io.LimitReader(in.Stdin, maxInput)); err != nil {
			return nil, fmt.Errorf("read the script's input: %w", err)
		}
	}
	c.key = key{in.Step, in.Script, strings.Join(in.WithNonce("").Args, "\x00"), string(c.input)}
	return c, nil
}

// text is the script of calls that are alike, under a nonce that is theirs in common.
func (c *call) text(nonce string) (string, error) {
	common := c.in.WithNonce(nonce)
	if c.input != nil {
		common.Stdin = bytes.NewReader(c.input)
	}
	return common.Inline()
}

// end tells who waits. The first end counts.
func (c *call) end(o outcome) {
	select {
	case c.ended <- o:
	default:
	}
}

// instance is the Transport to one instance.
type instance struct {
	sender *Sender
	id     string
}

// Run implements host.Transport.
func (i instance) Run(ctx context.Context, in host.Call) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("send command to %s: %w", i.id, err)
	}
	c, err := newCall(i.id, in)
	if err != nil {
		return fmt.Errorf("send command to %s: %w", i.id, err)
	}
	i.sender.join(c)
	select {
	case <-ctx.Done():
		i.sender.leave(c)
		return fmt.Errorf("wait for the command on %s: %w", i.id, context.Cause(ctx))
	case o := <-c.ended:
		write(in.Stderr, o.stderr)
		write(in.Stdout, o.stdout)
		return o.err
	}
}

// write hands an output on. Who does not want it has no place to put it.
func write(w io.Writer, text string) {
	if w != nil && text != "" {
		_, _ = io.WriteString(w, text)
	}
}
