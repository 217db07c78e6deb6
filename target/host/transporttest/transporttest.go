// Package transporttest is the conformance suite of host.Transport: what passes it can
// be trusted to carry the scripts of hosts.
package transporttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/muster-deploy/muster/target/host"
)

// TB is what the suite asks of a *testing.T.
type TB interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
}

// TestTransport holds a transport to a host with a real sh against the contract of
// host.Transport.
func TestTransport(t TB, tr host.Transport) {
	t.Helper()
	for name, check := range map[string]func(context.Context, host.Transport) error{
		"arguments": carriesArguments, "input": carriesInput, "outputs": keepsOutputsApart, "exit": tellsFailure,
		"much output": keepsTheEnd, "many": runsMany, "an ended context": ends, "no input": hasNoInput,
	} {
		if err := check(t.Context(), tr); err != nil {
			t.Errorf("transport: %s: %v", name, err)
		}
	}
}

// run runs a script and returns what it wrote.
func run(ctx context.Context, tr host.Transport, script string, in io.Reader, args ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var out, errs buffer
	err = tr.Run(ctx, host.Call{Script: script, Args: args, Nonce: "0a", Stdin: in, Stdout: &out, Stderr: &errs})
	return out.String(), errs.String(), err
}

// odd are arguments that something between here and sh could take for its own.
var odd = []string{"", " ", "it's", `"`, `\`, "$(echo x)`echo y`$HOME", "a\nb", "*", "~", ";false", "-n", "#", "!!", "é", "%s", "&&", "a=b"}

func carriesArguments(ctx context.Context, tr host.Transport) error {
	out, _, err := run(ctx, tr, `printf '%s.' "$#" "$@"; printf '\n'`, nil, odd...)
	want := fmt.Sprint(len(odd)) + "." + strings.Join(odd, ".") + ".\n"
	if err != nil || out != want {
		return fmt.Errorf("got %q (%v), want %q", out, err, want)
	}
	return nil
}

func carriesInput(ctx context.Context, tr host.Transport) error {
	text := strings.Repeat("a line; $x `y` 'z'\n", 1000)
	out, _, err := run(ctx, tr, "cat", strings.NewReader(text))
	if err != nil || out != text {
		return fmt.Errorf("%d bytes came back of %d: %v", len(out), len(text), err)
	}
	return nil
}

// hasNoInput also wants what does not read its input not to be waited for.
func hasNoInput(ctx context.Context, tr host.Transport) error {
	if out, _, err := run(ctx, tr, "cat; echo end", nil); err != nil || out != "end\n" {
		return fmt.Errorf("got %q: %v", out, err)
	}
	in, w := io.Pipe()
	defer w.Close()
	defer in.Close()
	if out, _, err := run(ctx, tr, "echo end", in); err != nil || out != "end\n" {
		return fmt.Errorf("with an input that nobody reads: got %q: %v", out, err)
	}
	return nil
}

func keepsOutputsApart(ctx context.Context, tr host.Transport) error {
	out, errs, err := run(ctx, tr, "echo out; echo err >&2; echo muster 0a ok end", nil)
	if err != nil || out != "out\nmuster 0a ok end\n" || errs != "err\n" {
		return fmt.Errorf("got %q and %q: %v", out, errs, err)
	}
	return nil
}

func tellsFailure(ctx context.Context, tr host.Transport) error {
	out, _, err := run(ctx, tr, "echo said; exit 3", nil)
	if err == nil || out != "said\n" {
		return fmt.Errorf("a script that ends with 3 gave %q, %v", out, err)
	}
	return nil
}

func keepsTheEnd(ctx context.Context, tr host.Transport) error {
	out, _, err := run(ctx, tr, "i=0; while [ $i -lt 2000 ]; do echo 'some talk of a line'; i=$((i + 1)); done; echo last", nil)
	if err != nil || !strings.HasSuffix(out, "talk of a line\nlast\n") {
		return fmt.Errorf("the end is %q: %v", out[max(0, len(out)-40):], err)
	}
	return nil
}

func runsMany(ctx context.Context, tr host.Transport) error {
	errs := make([]error, 20)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			want := fmt.Sprintf("%d\n", i)
			out, _, err := run(ctx, tr, `echo "$1"`, nil, fmt.Sprint(i))
			if err == nil && out != want {
				err = fmt.Errorf("got %q, want %q", out, want)
			}
			errs[i] = err
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// ends wants a call to end with its context, long before the script would.
func ends(ctx context.Context, tr host.Transport) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	because := errors.New("the caller has changed his mind")
	late := time.AfterFunc(200*time.Millisecond, func() { cancel(because) })
	defer late.Stop()
	begun := time.Now()
	err := tr.Run(ctx, host.Call{Script: "sleep 60", Nonce: "0b"})
	if !errors.Is(err, because) || time.Since(begun) > 30*time.Second {
		return fmt.Errorf("it ended after %v with %v, want the context's cause at once", time.Since(begun), err)
	}
	return nil
}

// buffer may be written to by several goroutines, and late.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String returns what was written so far.
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
