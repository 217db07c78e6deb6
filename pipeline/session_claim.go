package pipeline

import (
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/target"
)

// unclaimed judges why the record could not be claimed. Unless it is not to be
// touched, the lease is taken again: a store that fails for a moment, or a lease
// that runs out just then, must not end a deployer.
func unclaimed(err error) error {
	if fatal(err) {
		return err
	}
	return fmt.Errorf("%w before the record was claimed: %w", lock.ErrLost, err)
}

// claim makes the record this session's and fences every unit, before anything is
// concluded from what is read.
func (s *session) claim(lease *lock.Lease) error {
	if err := s.e.create(s.ctx); err != nil {
		return err
	}
	r, err := s.e.swap(s.ctx, func(r *Record) error {
		return r.claim(s.e.c.Lease, lease.Epoch(), s.e.c.Holder)
	})
	if errors.Is(err, errOvertaken) {
		return fmt.Errorf("%w: %w", lock.ErrLost, err)
	}
	if err != nil {
		return err
	}
	s.epoch = r.Epoch
	s.e.tell(Event{Kind: EventClaimed, Message: fmt.Sprintf("deploying for %s, epoch %d", s.e.c.Name, s.epoch)})
	return s.fence(s.targets()...)
}

// fence raises the fence of every unit of the targets that were not fenced in this
// session. One that does not answer stays unfenced: it is asked again before
// anything is done to it.
func (s *session) fence(targets ...target.Target) error {
	var todo []target.Target
	for _, t := range targets {
		if !s.fenced[t.Name()] {
			todo = append(todo, t)
		}
	}
	if len(todo) == 0 {
		return nil
	}
	r, err := s.swap(func(r *Record) error { r.order(len(todo)); return nil })
	if err != nil {
		return err
	}
	errs := make([]error, len(todo))
	var g errgroup.Group
	for i, t := range todo {
		o := target.Order{Epoch: s.epoch, Number: r.Number - uint64(i)}
		g.Go(func() error { errs[i] = s.raise(t, o); return nil })
	}
	_ = g.Wait() // the errors are in errs
	for i, t := range todo {
		s.fenced[t.Name()] = errs[i] == nil
		if errs[i] != nil {
			s.e.tell(Event{Kind: EventProblem, Target: t.Name(), Message: errs[i].Error()})
		}
	}
	return nil
}

// raise raises one target's fence. Where units have seen a higher number than the
// record knows, the record was put back to an older state: it takes up their number.
func (s *session) raise(t target.Target, o target.Order) error {
	state, err := t.Observe(s.ctx, o)
	if !errors.Is(err, target.ErrStale) {
		return err
	}
	highest := o.Number
	for _, u := range state.Units {
		highest = max(highest, u.Number)
	}
	r, err := s.swap(func(r *Record) error { r.Number = max(r.Number, highest) + 1; return nil })
	if err != nil {
		return err
	}
	o.Number = r.Number
	_, err = t.Observe(s.ctx, o)
	return err
}

// errSilent says that a target could not be asked what its units run.
var errSilent = errors.New("it does not answer")

// ready makes sure that targets are fenced before anything is done to them.
func (s *session) ready(targets ...target.Target) error {
	if err := s.fence(targets...); err != nil {
		return err
	}
	for _, t := range targets {
		if !s.fenced[t.Name()] {
			return named(t, fmt.Errorf("%w: nothing is done to it before its units were read", errSilent))
		}
	}
	return nil
}
