package host

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// scouts ask the first few hosts of an order what they hold. What the first one says is
// taken for what all the others are likely to say, which saves a call to each: they are
// told at once to fetch, and look for themselves whether they can. It is a guess about
// how much has to be fetched, never about what is right.
type scouts struct {
	users int           // guarded by Packs.mu
	turns chan struct{} // one for each that may ask
	told  chan struct{} // closed when the rest is set
	once  sync.Once
	here  bool   // the release was there
	have  string // what was there instead
}

// defaultScouts is as many hosts as one command of SSM reaches.
const defaultScouts = 50

// scout joins the scouts of an order; the last one to leave ends them.
func (p *Packs) scout(o target.Order) (s *scouts, leave func()) {
	key := fmt.Sprint(o.Number, " ", o.Release.Digest)
	p.mu.Lock()
	defer p.mu.Unlock()
	s = p.scouting[key]
	if s == nil {
		n := p.Scouts
		or(&n, defaultScouts)
		s = &scouts{turns: make(chan struct{}, n), told: make(chan struct{})}
		for range n {
			s.turns <- struct{}{}
		}
		if p.scouting == nil {
			p.scouting = map[string]*scouts{}
		}
		p.scouting[key] = s
	}
	s.users++
	return s, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if s.users--; s.users == 0 {
			delete(p.scouting, key)
		}
	}
}

// ask waits for its turn to ask, which it says, or until another one was answered that
// the release is not there.
func (s *scouts) ask(ctx context.Context) (bool, error) {
	select {
	case <-s.told:
		return s.here, nil // where it is there, asking is all that has to be done
	default:
	}
	select {
	case <-s.told:
		return s.here, nil
	case <-s.turns:
		return true, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// tell is what a host has answered. One that did not answer leaves its turn to another.
func (s *scouts) tell(a answer, err error) {
	if err != nil {
		select {
		case s.turns <- struct{}{}:
		default: // it had none
		}
		return
	}
	s.once.Do(func() {
		s.here, s.have = a.word == "prepared", a.fields["have"]
		close(s.told)
	})
}

// bringUnasked has a host fetch the release if it needs to, after the same looks at
// itself as if it had been asked. It gets the choice between what a base lacks that
// others hold, and all of it.
func (h *Host) bringUnasked(ctx context.Context, o target.Order, a *build.Artifact, all, some content) error {
	p, err := h.c.Packs.open(ctx, all)
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	defer p.close()
	s := h.preparing(o, p)
	s.set("unasked", "yes")
	h.needs(&s, a)
	parts := []part{{"manifest", hexOf(a.Digest)}, {"pack", p.sum}}
	if some.base != "" {
		q, err := h.c.Packs.open(ctx, some)
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		defer q.close()
		s.set("offer", fmt.Sprintf("%s:%s:%d:%s", hexOf(some.base), q.sum, q.size, q.form))
		parts = slices.Insert(parts, 1, part{"offer", q.sum})
	}
	return h.fetch(ctx, o, s, len(all.manifest), parts)
}
