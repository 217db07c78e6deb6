package fleet

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muster-deploy/muster/target"
)

// recent is how old what was foreseen may be when Activate plans by it.
const recent = 2 * time.Minute

// foresight is what hosts said while the last of them were being prepared. It spares the
// order's Activate, if that follows at once, from reading them all before it can begin. It
// is used once, by that order's release; who activates anything else has his own look.
type foresight struct {
	mu       sync.Mutex
	digest   string
	readings map[string]*reading // by host
}

func (s *foresight) put(digest string, readings map[string]*reading) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.digest, s.readings = digest, readings
}

// take returns what may be planned by, by host. Whatever is left is forgotten.
func (s *foresight) take(o target.Order) map[string]*reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	readings := s.readings
	s.readings = nil
	if !forward(o) || s.digest != o.Release.Digest {
		return nil
	}
	for name, r := range readings {
		if time.Since(r.at) >= recent {
			delete(readings, name)
		}
	}
	return readings
}

// lookout reads all hosts once so few of them are left to be prepared that it costs nobody
// any time.
type lookout struct {
	f       *Fleet
	o       target.Order
	hosts   []Host
	early   int64 // so many; zero: none
	left    atomic.Int64
	looking sync.WaitGroup
}

func (f *Fleet) lookout(o target.Order, hosts []Host) *lookout {
	l := &lookout{f: f, o: o, hosts: hosts}
	if forward(o) {
		l.early = int64(f.c.Foresee.atLeast(len(hosts)))
	}
	l.left.Store(int64(len(hosts)))
	return l
}

// prepared is one host less to wait for.
func (l *lookout) prepared(ctx context.Context) {
	if l.left.Add(-1) == l.early && l.early > 0 {
		l.looking.Go(func() { l.look(ctx) })
	}
}

func (l *lookout) look(ctx context.Context) {
	readings := make([]*reading, len(l.hosts))
	err := l.f.each(ctx, l.hosts, func(ctx context.Context, i int, h Host) error {
		u, _ := l.f.read(ctx, h, target.Order{})
		readings[i] = l.f.taken(u, time.Now(), len(l.hosts))
		return nil
	})
	if err != nil {
		return // the order has ended
	}
	all := make(map[string]*reading, len(l.hosts))
	for i, h := range l.hosts {
		all[h.Name] = readings[i]
	}
	l.f.seen.put(l.o.Release.Digest, all)
}
