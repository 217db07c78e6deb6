package targettest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// suite is one check under way: the target, and what a pipeline would know.
type suite struct {
	TB
	place  Place
	t      target.Target
	number uint64 // of the last order
	names  map[string]string
	x      transcript
}

// Errorf implements TB.
func (s *suite) Errorf(format string, args ...any) {
	s.Helper()
	s.x.fail()
	s.TB.Errorf(format, args...)
}

// Fatalf implements TB.
func (s *suite) Fatalf(format string, args ...any) {
	s.Helper()
	s.x.fail()
	s.TB.Fatalf(format, args...)
}

// open opens the place (once more).
func (s *suite) open() {
	s.Helper()
	s.t = s.another()
}

// another is one more target at the place.
func (s *suite) another() target.Target {
	s.Helper()
	t, err := s.place.Open()
	if err != nil {
		s.Fatalf("open the place: %v", err)
	}
	if t == nil {
		s.Fatalf("open the place: it returns neither a target nor an error")
	}
	s.x.add("open the place")
	return heard{t, &s.x}
}

// artifact returns the n-th artifact of the place.
func (s *suite) artifact(n int) *build.Artifact {
	if p, ok := s.place.(Publisher); ok {
		return p.Artifact(n)
	}
	return Artifact(n)
}

// order makes the next order for the n-th release.
func (s *suite) order(n int, why target.Intent) target.Order {
	s.number += 10
	return target.Order{Number: s.number, Epoch: 1, Intent: why, Release: target.Release{
		ID:       fmt.Sprintf("%d-%07x", n, n),
		Revision: fmt.Sprintf("%040x", n),
		Digest:   s.artifact(n).Digest,
	}}
}

// prepare brings the n-th release to all units.
func (s *suite) prepare(n int) {
	s.Helper()
	o := s.order(n, target.Forward)
	s.must(fmt.Sprintf("prepare release %d as order %d", n, o.Number), s.t.Prepare(s.Context(), o, s.artifact(n)))
}

// activate gives an order that has to succeed, and to be true afterwards.
func (s *suite) activate(o target.Order) target.Order {
	s.Helper()
	s.must(fmt.Sprintf("activate %s as order %d (%s)", s.named(o.Release.Digest), o.Number, o.Intent), s.t.Activate(s.Context(), o))
	s.serving(o.Release.Digest)
	return o
}

// ship prepares and activates the n-th release.
func (s *suite) ship(n int) target.Order {
	s.Helper()
	s.prepare(n)
	return s.activate(s.order(n, target.Forward))
}

// observe reads the units, without a fence.
func (s *suite) observe() target.State {
	s.Helper()
	state, err := s.t.Observe(s.Context(), target.Order{})
	s.must("observe", err)
	return state
}

// serving wants every unit to serve the digest.
func (s *suite) serving(digest string) {
	s.Helper()
	for _, u := range s.observe().Units {
		if u.Digest != digest || u.Condition != target.Serving {
			s.Errorf("unit %s is %s on %s%s, want serving %s",
				u.Name, condition(u), s.named(u.Digest), problem(u), s.named(digest))
		}
	}
}

// vacant wants no unit to have a release.
func (s *suite) vacant() {
	s.Helper()
	for _, u := range s.observe().Units {
		if u.Digest != "" || u.Condition != target.Vacant {
			s.Errorf("unit %s is %s on %s, want vacant", u.Name, condition(u), s.named(u.Digest))
		}
	}
}

// refuse wants an order to be refused as overtaken.
func (s *suite) refuse(what string, o target.Order) {
	s.Helper()
	o.Begin = func(ctx context.Context, step target.Step) error { return nil }
	err := s.t.Activate(s.Context(), o)
	s.is(what, err, target.ErrStale)
}

func (s *suite) must(what string, err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("%s: %v", what, err)
	}
}

func (s *suite) is(what string, err, want error) {
	s.Helper()
	switch {
	case err == nil:
		s.Errorf("%s: got no error, want one that wraps %q", what, want)
	case !errors.Is(err, want):
		s.Errorf("%s: got the error %q, want one that wraps %q", what, err, want)
	}
}

// named is how a failure calls what has a digest. Many goroutines may ask.
func (s *suite) named(digest string) string {
	if name, ok := s.names[digest]; ok {
		return name
	}
	return short(digest)
}

// problem is a unit's, to be put behind what it is on.
func problem(u target.Unit) string {
	if u.Problem == "" {
		return ""
	}
	return fmt.Sprintf(" (%s)", u.Problem)
}

// fencing is what the target declares, and is held to.
func (s *suite) fencing() target.Fencing {
	if f, ok := target.As[target.Fenced](s.t); ok {
		return f.Fencing()
	}
	return target.Certain
}

// reopen opens the place once more where the fence has to outlive it, though nothing
// was switched since it was raised.
func (s *suite) reopen() {
	s.Helper()
	if s.fencing() == target.LastSwitch {
		s.Logf("not asked of another deployer: the target declares %q", target.LastSwitch)
		return
	}
	s.open()
}

// digests maps each unit to what is live on it.
func digests(state target.State) map[string]string {
	m := map[string]string{}
	for _, u := range state.Units {
		m[u.Name] = u.Digest
	}
	return m
}

func names(state target.State) []string {
	var all []string
	for _, u := range state.Units {
		all = append(all, u.Name)
	}
	return all
}

func condition(u target.Unit) string {
	if u.Condition == target.Unknown {
		return "unknown"
	}
	return string(u.Condition)
}

// short makes digests readable in a failure.
func short(digest string) string {
	if digest == "" {
		return "nothing"
	}
	return digest[:min(len(digest), 15)]
}

// witness is a Begin that writes down what it is asked, and notices when it is
// asked twice at once.
type witness struct {
	mu    sync.Mutex
	steps []target.Step
	busy  bool
	twice bool
	then  func(target.Step) error
}

func (w *witness) begin(_ context.Context, step target.Step) error {
	w.enter(step)
	defer w.leave()
	if w.then == nil {
		return nil
	}
	return w.then(step)
}

func (w *witness) enter(step target.Step) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.twice = w.twice || w.busy
	w.busy = true
	step.Units = slices.Clone(step.Units)
	w.steps = append(w.steps, step)
}

func (w *witness) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = false
}

// units are all that was begun, sorted.
func (w *witness) units() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, st := range w.steps {
		all = append(all, st.Units...)
	}
	slices.Sort(all)
	return all
}
