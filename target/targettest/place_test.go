package targettest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/muster-deploy/muster/target"
)

// memoryPlace is a Memory with everything that the suite can make use of.
type memoryPlace struct {
	*Memory
	left atomic.Int64 // steps before the crash
	wrap func(target.Target) target.Target
}

func newMemoryPlace(tb TB) *memoryPlace {
	p := &memoryPlace{Memory: NewMemory("web", "a", "b", "c", "d", "e")}
	p.Batch = 2
	p.left.Store(1 << 60)
	p.Hook = func(context.Context, Point) error {
		if p.left.Add(-1) < 0 {
			return ErrPowerCut
		}
		return nil
	}
	return p
}

func (p *memoryPlace) Open() (target.Target, error) {
	if p.wrap != nil {
		return p.wrap(p.Memory), nil
	}
	return p.Memory, nil
}

func (p *memoryPlace) CrashAfter(steps int) func() bool {
	p.left.Store(int64(steps))
	return func() bool { return p.left.Swap(1<<60) < 0 }
}

func (p *memoryPlace) Drift(unit string) { p.Memory.Drift(unit, "sha256:by-hand") }

func (p *memoryPlace) Join() string {
	name := fmt.Sprintf("z%d", len(p.Members()))
	p.Memory.Join(name)
	return name
}

func TestMemoryPassesTheSuite(t *testing.T) {
	TestTarget(t, func(tb TB) Place { return newMemoryPlace(tb) })
}

// decorated hides every capability of what it wraps.
type decorated struct{ target.Target }

func (d decorated) Unwrap() target.Target { return d.Target }

func TestMemoryBehindADecoratorPassesTheSuite(t *testing.T) {
	TestTarget(t, func(tb TB) Place {
		p := newMemoryPlace(tb)
		p.wrap = func(inner target.Target) target.Target { return decorated{inner} }
		return p
	})
}
