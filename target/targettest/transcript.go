package targettest

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// kept is how many calls a transcript shows at most.
const kept = 40

// transcript is what a check has asked of a target, in the order in which the answers
// came. It is shown with a failure.
type transcript struct {
	mu     sync.Mutex
	lines  []string
	failed bool
	name   func(digest string) string
}

func (x *transcript) add(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lines = append(x.lines, fmt.Sprintf(format, args...))
}

// fail notes that the transcript is wanted.
func (x *transcript) fail() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.failed = true
}

// show logs what led to a failure, if there was one.
func (x *transcript) show(tb TB) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.failed || len(x.lines) == 0 {
		return
	}
	lines := x.lines[max(0, len(x.lines)-kept):]
	tb.Logf("what was asked, and what the target said:\n    %s", strings.Join(lines, "\n    "))
}

// heard is a target whose calls are written down. Capabilities are found through it.
type heard struct {
	target.Target
	x *transcript
}

// Unwrap returns the target itself.
func (h heard) Unwrap() target.Target { return h.Target }

// Prepare implements target.Target.
func (h heard) Prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	err := h.Target.Prepare(ctx, o, a)
	h.x.add("prepare %s as order %d: %s", h.x.name(o.Release.Digest), o.Number, said(err))
	return err
}

// Activate implements target.Target.
func (h heard) Activate(ctx context.Context, o target.Order) error {
	err := h.Target.Activate(ctx, o)
	h.x.add("activate %s as order %d (%s): %s", h.x.name(o.Release.Digest), o.Number, o.Intent, said(err))
	return err
}

// Observe implements target.Target.
func (h heard) Observe(ctx context.Context, o target.Order) (target.State, error) {
	s, err := h.Target.Observe(ctx, o)
	what, units := "observe", []string{}
	if o.Number > 0 {
		what = fmt.Sprintf("fencing observe as order %d", o.Number)
	}
	for _, u := range s.Units {
		units = append(units, fmt.Sprintf("%s %s on %s, order %d", u.Name, condition(u), h.x.name(u.Digest), u.Number))
	}
	h.x.add("%s: %s; %s", what, said(err), strings.Join(units, "; "))
	return s, err
}

// said is an error as an answer.
func said(err error) string {
	if err == nil {
		return "ok"
	}
	return strings.ReplaceAll(err.Error(), "\n", " | ")
}
