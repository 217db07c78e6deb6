package targettest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// faulty is a Memory with one promise broken. What is nil is as it should be.
type faulty struct {
	*Memory
	name     func() string
	prepare  func(context.Context, target.Order, *build.Artifact) error
	activate func(context.Context, target.Order) error
	observe  func(context.Context, target.Order) (target.State, error)
	plan     func(context.Context, target.Order) ([]target.Step, error)
	fencing  target.Fencing
}

func (f *faulty) Name() string {
	if f.name != nil {
		return f.name()
	}
	return f.Memory.Name()
}

func (f *faulty) Prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	if f.prepare != nil {
		return f.prepare(ctx, o, a)
	}
	return f.Memory.Prepare(ctx, o, a)
}

func (f *faulty) Activate(ctx context.Context, o target.Order) error {
	if f.activate != nil {
		return f.activate(ctx, o)
	}
	return f.Memory.Activate(ctx, o)
}

func (f *faulty) Observe(ctx context.Context, o target.Order) (target.State, error) {
	if f.observe != nil {
		return f.observe(ctx, o)
	}
	return f.Memory.Observe(ctx, o)
}

func (f *faulty) Plan(ctx context.Context, o target.Order) ([]target.Step, error) {
	if f.plan != nil {
		return f.plan(ctx, o)
	}
	return f.Memory.Plan(ctx, o)
}

func (f *faulty) Fencing() target.Fencing { return f.fencing }

// all does something to every unit of a Memory.
func (m *Memory) all(do func(*unit)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range m.units {
		do(u)
	}
}

// fault breaks one promise; by is the check that has to notice.
type fault struct {
	what, by string
	spoil    func(*faulty)
}

var faults = []fault{
	{"is born with a release", "a new place is vacant", func(f *faulty) {
		f.all(func(u *unit) { u.live = "sha256:old" })
	}},
	{"changes its name", "the name never changes", func(f *faulty) {
		f.name = func() string { return fmt.Sprint(len(f.History())) }
	}},
	{"reports the last order as what is live", "convergence brings back a unit that drifted", func(f *faulty) {
		var last string
		f.activate = func(ctx context.Context, o target.Order) error {
			err := f.Memory.Activate(ctx, o)
			if err == nil {
				last = o.Release.Digest
			}
			return err
		}
		f.observe = func(ctx context.Context, o target.Order) (target.State, error) {
			s, err := f.Memory.Observe(ctx, o)
			for i := range s.Units {
				if last != "" {
					s.Units[i].Digest, s.Units[i].Condition = last, target.Serving
				}
			}
			return s, err
		}
	}},
	{"reads nothing when it fences", "observe reads what is", func(f *faulty) {
		f.observe = func(ctx context.Context, o target.Order) (target.State, error) {
			s, err := f.Memory.Observe(ctx, o)
			for i := range s.Units {
				if o.Number > 0 {
					s.Units[i].Digest = ""
				}
			}
			return s, err
		}
	}},
	{"goes live when it prepares", "prepare shows nothing", func(f *faulty) {
		f.prepare = func(ctx context.Context, o target.Order, a *build.Artifact) error {
			err := f.Memory.Prepare(ctx, o, a)
			f.all(func(u *unit) { u.live = o.Release.Digest })
			return err
		}
	}},
	{"prepares over what is there", "prepare twice is prepare once", func(f *faulty) {
		f.prepare = func(ctx context.Context, o target.Order, a *build.Artifact) error {
			f.all(func(u *unit) {
				if u.live == o.Release.Digest {
					u.live = "sha256:half"
				}
			})
			return f.Memory.Prepare(ctx, o, a)
		}
	}},
	{"prepares for overtaken orders", "prepare refuses lower orders and raises no fence", func(f *faulty) {
		f.prepare = func(ctx context.Context, o target.Order, a *build.Artifact) error {
			o.Number += 1000
			return f.Memory.Prepare(ctx, o, a)
		}
	}},
	{"raises the fence when it prepares", "prepare refuses lower orders and raises no fence", func(f *faulty) {
		f.prepare = func(ctx context.Context, o target.Order, a *build.Artifact) error {
			err := f.Memory.Prepare(ctx, o, a)
			f.all(func(u *unit) { u.fence.number = max(u.fence.number, o.Number) })
			return err
		}
	}},
	{"prepares whatever it gets", "prepare refuses another artifact than the order's", func(f *faulty) {
		f.prepare = func(ctx context.Context, o target.Order, a *build.Artifact) error {
			return f.Memory.Prepare(ctx, o, &build.Artifact{Digest: o.Release.Digest})
		}
	}},
	{"does not verify bytes", "prepare refuses bytes that differ from the manifest", func(f *faulty) {
		f.prepare = func(ctx context.Context, o target.Order, a *build.Artifact) error {
			unread := *a
			unread.Files = nil
			return f.Memory.Prepare(ctx, o, &unread)
		}
	}},
	{"confirms no number", "activate makes the release live on every unit", func(f *faulty) {
		f.observe = func(ctx context.Context, o target.Order) (target.State, error) {
			s, err := f.Memory.Observe(ctx, o)
			for i := range s.Units {
				s.Units[i].Number = 0
			}
			return s, err
		}
	}},
	{"restarts what is live", "activate twice is activate once", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			f.all(func(u *unit) {
				if u.live != "" {
					u.problem = "restarting"
				}
			})
			return f.Memory.Activate(ctx, o)
		}
	}},
	{"activates what is not prepared", "an unprepared release changes nothing", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			f.all(func(u *unit) { u.hold(o.Release.Digest) })
			return f.Memory.Activate(ctx, o)
		}
	}},
	{"keeps nothing to go back to", "a rollback is the activation of an older prepared release", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			err := f.Memory.Activate(ctx, o)
			f.all(func(u *unit) { u.prepared = []string{u.live} })
			return err
		}
	}},
	{"retires although Keep is nil", "retention keeps all if Keep is nil", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			if o.Keep == nil {
				o.Keep = []string{}
			}
			return f.Memory.Activate(ctx, o)
		}
	}},
	{"retires the previous release if it is not named", "retention keeps what is named, live and previous", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			err := f.Memory.Activate(ctx, o)
			if o.Keep != nil && err == nil {
				f.all(func(u *unit) { u.before = ""; u.retire(o.Keep) })
			}
			return err
		}
	}},
	{"retires before it activates", "an order that was refused retires nothing", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			if o.Keep != nil {
				f.all(func(u *unit) { u.retire(append(o.Keep, o.Release.Digest)) })
			}
			return f.Memory.Activate(ctx, o)
		}
	}},
	{"has no fence", "a lower order is refused", unfenced},
	{"has no fence and calls that best effort", "a lower order is refused", func(f *faulty) {
		unfenced(f)
		f.fencing = target.BestEffort
	}},
	{"has no fence for rollbacks", "a lower order is refused", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			if o.Intent == target.Backward {
				f.all(func(u *unit) { u.fence = fence{} })
			}
			return f.Memory.Activate(ctx, o)
		}
	}},
	{"looks at the number only", "the same number with another release is refused", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			f.all(func(u *unit) {
				if u.fence.number == o.Number {
					u.fence.digest = o.Release.Digest
				}
			})
			return f.Memory.Activate(ctx, o)
		}
	}},
	{"declares a fencing that nobody knows", "the fencing that is declared is known and never changes", func(f *faulty) {
		f.fencing = "mostly"
	}},
	{"remembers only switches and calls that certain", "an identical release touches nothing and raises the fence", func(f *faulty) {
		f.lastSwitch()
	}},
	{"remembers only switches and calls that best effort", "the fence outlives the deployer", func(f *faulty) {
		f.lastSwitch()
		f.fencing = target.BestEffort
	}},
	{"remembers only switches, not even what it was just asked", "a fencing observe refuses what came before it", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			f.lastSwitch()
			return f.Memory.Activate(ctx, o)
		}
		f.fencing = target.LastSwitch
	}},
	{"has no fence and declares the last switch", "a lower order is refused", func(f *faulty) {
		unfenced(f)
		f.fencing = target.LastSwitch
	}},
	{"forgets the last switch, too", "the fence outlives the deployer", func(f *faulty) {
		f.all(func(u *unit) { u.fence = fence{} })
		f.fencing = target.LastSwitch
	}},
	{"remembers refused numbers only while it runs", "the fence outlives the deployer", func(f *faulty) {
		// Open makes a new one of these for each successor.
		f.all(func(u *unit) { u.fence = fence{} })
	}},
	{"takes an order that it has seen before", "an old order delivered once more is refused", func(f *faulty) {
		seen := map[uint64]bool{}
		var mu sync.Mutex
		f.activate = func(ctx context.Context, o target.Order) error {
			mu.Lock()
			defer mu.Unlock()
			if seen[o.Number] {
				f.all(func(u *unit) { u.fence = fence{} })
			}
			err := f.Memory.Activate(ctx, o)
			seen[o.Number] = err == nil
			return err
		}
	}},
	{"does not fence when it observes", "a fencing observe refuses what came before it", func(f *faulty) {
		f.observe = func(ctx context.Context, _ target.Order) (target.State, error) {
			return f.Memory.Observe(ctx, target.Order{})
		}
	}},
	{"fences whenever it observes", "a plain observe raises no fence", func(f *faulty) {
		f.observe = func(ctx context.Context, o target.Order) (target.State, error) {
			f.all(func(u *unit) { u.fence.number++ })
			return f.Memory.Observe(ctx, o)
		}
	}},
	{"skips the fence if nothing is to be done", "an identical release touches nothing and raises the fence", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			idle := true
			f.all(func(u *unit) { idle = idle && u.serves(o.Release.Digest) && u.fence.number < o.Number })
			if idle {
				return nil
			}
			return f.Memory.Activate(ctx, o)
		}
	}},
	{"lets an overtaken order switch in the end", "stale and new orders at once end with the new one", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			err := f.Memory.Activate(ctx, o)
			if errors.Is(err, target.ErrStale) {
				f.all(func(u *unit) { u.live = o.Release.Digest })
			}
			return err
		}
	}},
	{"never asks", "begin is asked before each switch", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			o.Begin = nil
			return f.Memory.Activate(ctx, o)
		}
	}},
	{"asks afterwards", "begin is asked before each switch", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			steps, _ := f.Memory.Plan(ctx, o)
			begin := o.Begin
			o.Begin = nil
			err := f.Memory.Activate(ctx, o)
			for _, s := range steps {
				if begin != nil {
					err = errors.Join(err, begin(ctx, s))
				}
			}
			return err
		}
	}},
	{"takes no for a yes", "a refusal by begin ends the order", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			begin := o.Begin
			var no error
			o.Begin = func(ctx context.Context, s target.Step) error {
				if begin != nil {
					no = errors.Join(no, begin(ctx, s))
				}
				return nil
			}
			return errors.Join(f.Memory.Activate(ctx, o), no)
		}
	}},
	{"plans one thing and does another", "the plan is what begin is asked", func(f *faulty) {
		f.plan = func(context.Context, target.Order) ([]target.Step, error) {
			return []target.Step{{Batch: 1, Batches: 1, Units: f.Members()}}, nil
		}
	}},
	{"needs a listener", "report is told, and never required", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			o.Report(target.Progress{Phase: "switch"})
			return f.Memory.Activate(ctx, o)
		}
	}},
	{"ignores its context", "a context that has ended changes nothing", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			return f.Memory.Activate(context.WithoutCancel(ctx), o)
		}
	}},
	{"leaves a unit half done when its context ends", "a context that ends under way leaves nothing half done", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			err := f.Memory.Activate(ctx, o)
			if errors.Is(err, context.Canceled) {
				f.all(func(u *unit) { u.live = "sha256:half" })
			}
			return err
		}
	}},
	{"cannot go on after a crash", "a crash between any two steps is mended by doing it again", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			err := f.Memory.Activate(ctx, o)
			if errors.Is(err, ErrPowerCut) {
				f.all(func(u *unit) { u.fence.number = 1 << 60 }) // a lock file that stays
			}
			return err
		}
	}},
	{"fails to observe if one unit does", "a unit out of reach is unknown, and others go on", func(f *faulty) {
		f.observe = func(ctx context.Context, o target.Order) (target.State, error) {
			s, err := f.Memory.Observe(ctx, o)
			for _, u := range s.Units {
				if u.Condition == target.Unknown {
					return target.State{}, errors.New(u.Problem)
				}
			}
			return s, err
		}
	}},
	{"calls a rollback done that was not", "a unit out of reach is unknown, and others go on", func(f *faulty) {
		f.activate = func(ctx context.Context, o target.Order) error {
			err := f.Memory.Activate(ctx, o)
			if errors.Is(err, ErrUnreachable) {
				return nil
			}
			return err
		}
	}},
	{"does not list who has joined", "convergence brings along a unit that joined", func(f *faulty) {
		born := f.Members()
		f.observe = func(ctx context.Context, o target.Order) (target.State, error) {
			s, err := f.Memory.Observe(ctx, o)
			s.Units = slices.DeleteFunc(s.Units, func(u target.Unit) bool { return !slices.Contains(born, u.Name) })
			return s, err
		}
	}},
}

func unfenced(f *faulty) {
	f.activate = func(ctx context.Context, o target.Order) error {
		f.all(func(u *unit) { u.fence = fence{} })
		return f.Memory.Activate(ctx, o)
	}
}

// lastSwitch makes units forget all orders but those that have switched them.
func (f *faulty) lastSwitch() {
	history := f.History()
	f.all(func(u *unit) {
		u.fence = fence{}
		for _, c := range history {
			if c.Unit == u.name && !c.Back {
				u.fence = fence{c.Number, c.To}
			}
		}
	})
}

// place makes a place whose targets all have the fault.
func (x fault) place(tb TB) Place {
	p := newMemoryPlace(tb)
	if x.by == "the fence outlives the deployer" || x.by == "an identical release touches nothing and raises the fence" {
		p.wrap = func(target.Target) target.Target { return x.spoiled(p) }
		return p
	}
	one := x.spoiled(p)
	p.wrap = func(target.Target) target.Target { return one }
	return p
}

func (x fault) spoiled(p *memoryPlace) target.Target {
	f := &faulty{Memory: p.Memory}
	x.spoil(f)
	return f
}

func TestTheSuiteRejectsEachFault(t *testing.T) {
	for _, x := range faults {
		t.Run(x.what, func(t *testing.T) {
			i := slices.IndexFunc(checks, func(c check) bool { return c.name == x.by })
			if assert.GreaterOrEqual(t, i, 0, "no check %q", x.by) {
				assert.NotEmpty(t, checks[i].complaints(t, x.place), "%q does not notice", x.by)
			}
		})
	}
}

func TestATargetThatIsFencedByItsLastSwitchPassesTheSuiteIfItSaysSo(t *testing.T) {
	TestTarget(t, func(tb TB) Place {
		p := newMemoryPlace(tb)
		p.wrap = func(target.Target) target.Target {
			f := &faulty{Memory: p.Memory, fencing: target.LastSwitch}
			f.lastSwitch()
			return f
		}
		return p
	})
}

func TestEachCheckOfTheSuiteRejectsSomething(t *testing.T) {
	missing := map[string]bool{}
	for _, c := range checks {
		missing[c.name] = true
	}
	for _, x := range faults {
		delete(missing, x.by)
	}
	assert.Empty(t, slices.Sorted(maps.Keys(missing)))
}
