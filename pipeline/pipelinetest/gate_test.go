package pipelinetest_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/target/targettest"
)

var (
	errDead     = errors.New("simulated: this process is dead")
	errNoAnswer = errors.New("simulated: no answer")
)

// gate is what one process's calls to the world go through. It can be killed:
// nothing goes through any more. It can be paused: calls wait, and go through when
// it wakes up, however late. And it is a bad network where faults are on.
type gate struct {
	name   string
	faults *atomic.Bool
	kill   context.CancelFunc

	mu     sync.Mutex
	random *rand.Rand
	dead   bool
	paused chan struct{} // closed when it wakes up
	woke   time.Time     // when it did
	fuse   int           // writes or steps until it dies; zero: it does not
	after  bool          // it dies after the write instead of before
}

type gateKey struct{}

// through marks a context as that of the gate's process.
func (g *gate) through(ctx context.Context) context.Context {
	return context.WithValue(ctx, gateKey{}, g)
}

// enter waits while the process is paused.
func (g *gate) enter() error {
	for {
		g.mu.Lock()
		dead, paused := g.dead, g.paused
		g.mu.Unlock()
		if dead {
			return errDead
		}
		if paused == nil {
			return nil
		}
		<-paused
	}
}

// travel is the way of one request: it takes a while, and the process may be paused
// on it.
func (g *gate) travel(most time.Duration) error {
	if err := g.enter(); err != nil {
		return err
	}
	g.mu.Lock()
	d := time.Duration(g.random.Int64N(int64(most)))
	g.mu.Unlock()
	time.Sleep(d)
	return g.enter()
}

// drowsy is how long a process that wakes up does not notice that its time is up.
const drowsy = 300 * time.Millisecond

// notice returns the context as the process sees it: one that has just woken up has
// not seen yet that it ended.
func (g *gate) notice(ctx context.Context) context.Context {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.woke.IsZero() && time.Since(g.woke) < drowsy {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// die kills the process.
func (g *gate) die() {
	g.mu.Lock()
	g.dead = true
	g.mu.Unlock()
	g.wake()
	g.kill()
}

func (g *gate) pause() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.paused == nil {
		g.paused = make(chan struct{})
	}
}

func (g *gate) wake() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.paused != nil {
		close(g.paused)
		g.paused, g.woke = nil, time.Now()
	}
}

// light makes the process die at its n-th write from now.
func (g *gate) light(n int, after bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fuse, g.after = n, after
}

// burn reports whether the process dies at this write, and on which side of it.
func (g *gate) burn() (now, after bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fuse == 0 {
		return false, false
	}
	g.fuse--
	return g.fuse == 0, g.after
}

// fate is what a bad network does with one request.
type fate int

const (
	arrives fate = iota
	refused
	lost
	late
)

func (g *gate) fate() (fate, time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.faults.Load() {
		return arrives, 0
	}
	delay := time.Duration(g.random.Int64N(int64(2 * time.Second)))
	switch n := g.random.IntN(100); {
	case n < 3:
		return refused, 0
	case n < 6:
		return lost, 0
	case n < 7:
		return late, delay
	}
	return arrives, 0
}

// gatedStore is a store seen by one process.
type gatedStore struct {
	*gate
	store *witness
}

const latency = 8 * time.Millisecond

// Load implements lock.Store.
func (s *gatedStore) Load(ctx context.Context, key string) ([]byte, lock.Version, error) {
	if err := s.travel(latency); err != nil {
		return nil, "", err
	}
	if f, _ := s.fate(); f == refused || f == lost {
		return nil, "", errNoAnswer
	}
	data, version, err := s.store.Load(s.notice(ctx), key)
	return data, version, errors.Join(err, s.enter())
}

// Swap implements lock.Store.
func (s *gatedStore) Swap(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
	if err := s.notice(ctx).Err(); err != nil {
		return "", err
	}
	if err := s.travel(latency); err != nil {
		return "", err
	}
	ctx = context.WithoutCancel(ctx) // it is on its way
	dies, after := false, false
	if strings.HasSuffix(key, "/record") || strings.Contains(key, "/history") {
		dies, after = s.burn()
	}
	if dies && !after {
		s.die()
		return "", errDead
	}
	f, delay := s.fate()
	switch f {
	case refused:
		return "", errNoAnswer
	case late:
		data = bytes.Clone(data)
		time.AfterFunc(delay, func() { _, _ = s.store.swap(ctx, s.name, key, old, data) })
		return "", errNoAnswer
	}
	version, err := s.store.swap(ctx, s.name, key, old, data)
	if dies {
		s.die()
	}
	if f == lost || s.enter() != nil {
		return "", errNoAnswer
	}
	return version, err
}

// hook is what a target asks before every step: the process that makes it may be
// dead by then, and a unit may be ill.
func (w *world) hook(ctx context.Context, p targettest.Point) error {
	g, _ := ctx.Value(gateKey{}).(*gate)
	if g != nil {
		if g.travel(4*latency) != nil {
			return targettest.ErrPowerCut
		}
		if p.Phase == targettest.Switch || p.Phase == targettest.Confirm {
			if dies, _ := g.burn(); dies {
				g.die()
				return targettest.ErrPowerCut
			}
		}
		if f, _ := g.fate(); f == lost && p.Phase != targettest.Plan {
			return targettest.ErrLost
		}
	}
	if p.Phase == targettest.Confirm && w.isSick(p.Unit, p.Order.Release.Digest) {
		return errors.New("simulated: unhealthy")
	}
	return nil
}
