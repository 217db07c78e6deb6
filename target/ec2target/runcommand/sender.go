package runcommand

import (
	"context"
	"sync"
	"time"

	"github.com/muster-deploy/muster/target/host"
)

// perCommand is how many instances SSM takes in one command.
const perCommand = 50

// moment is how long the first call of a group waits for those that come with it.
const moment = 20 * time.Millisecond

// Sender sends what hosts are to run, for all the hosts of a fleet, or of several. It
// may be used by many goroutines at once.
type Sender struct {
	c     Config
	mu    sync.Mutex // guards what follows, and what hangs on it
	group map[key]*group
	kinds map[string]*kind
	slots *slots
}

// group is calls that wait to become one command.
type group struct {
	key     key
	waiting []*call
	full    chan struct{} // takes one: there are enough for a command
}

// kind is what is known of the calls of one step.
type kind struct {
	spans
	flights int // commands under way
}

// New checks the config, all of it, and asks nothing.
func New(c Config) (*Sender, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c.fill()
	return &Sender{c: c, group: map[key]*group{}, kinds: map[string]*kind{}, slots: newSlots(c.Fetches)}, nil
}

// Instance is the way to one instance, by its id.
func (s *Sender) Instance(id string) host.Transport { return instance{s, id} }

// join puts a call into its group; the first one opens it.
func (s *Sender) join(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.group[c.key]
	if g == nil {
		g = &group{key: c.key, full: make(chan struct{}, 1)}
		s.group[c.key] = g
		go s.serve(g)
	}
	if g.waiting = append(g.waiting, c); len(g.waiting) >= perCommand {
		select {
		case g.full <- struct{}{}:
		default:
		}
	}
}

// serve sends a group's calls, command by command, until there are none.
func (s *Sender) serve(g *group) {
	// No caller's context: they come and go, and each waits by its own.
	ctx := context.Background()
	for !s.closed(g) {
		s.company(g)
		if s.room(g) {
			_ = s.c.Sends.Wait(ctx) // it does not end
			if f := s.take(g); f != nil {
				go f.fly()
			}
		}
	}
}

// company waits for further calls: a moment, or longer while others of the kind are
// under way.
func (s *Sender) company(g *group) {
	if g.key.step == slotted {
		time.Sleep(min(moment, s.c.Gather)) // how many there are decides how many one command takes
		return
	}
	if s.wait(g, min(moment, s.c.Gather)) {
		return
	}
	s.mu.Lock()
	busy := s.kind(g.key.step).flights > 0
	s.mu.Unlock()
	if busy {
		s.wait(g, s.c.Gather)
	}
}

// wait returns after d, or when there are enough calls, which it says.
func (s *Sender) wait(g *group, d time.Duration) (full bool) {
	over := time.After(d)
	for !s.enough(g) {
		select {
		case <-g.full: // It may be what is left of a command that was sent since.
		case <-over:
			return false
		}
	}
	return true
}

// enough reports whether a command would be full.
func (s *Sender) enough(g *group) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(g.waiting) >= perCommand
}

// closed removes a group that has nothing left to send.
func (s *Sender) closed(g *group) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(g.waiting) > 0 {
		return false
	}
	delete(s.group, g.key)
	return true
}

// take makes a command of waiting calls, the oldest first, no instance twice.
func (s *Sender) take(g *group) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	size, width := s.share(g)
	f := newFlight(s, g.key.step)
	var rest []*call
	for _, c := range g.waiting {
		switch {
		case c.left:
		case len(f.calls) == size || f.calls[c.id] != nil:
			rest = append(rest, c)
		default:
			f.calls[c.id] = c
		}
	}
	g.waiting = rest
	if len(f.calls) == 0 {
		return nil
	}
	f.open(width)
	return f
}

// kind returns what is known of a step. The lock is held.
func (s *Sender) kind(step string) *kind {
	k := s.kinds[step]
	if k == nil {
		k = &kind{}
		s.kinds[step] = k
	}
	return k
}

// leave is a caller who has given up.
func (s *Sender) leave(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.left = true
	c.flight.drop(c)
}
