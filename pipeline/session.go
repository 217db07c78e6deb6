package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/target"
)

// session is an engine under one grant of its lease. One goroutine runs it.
type session struct {
	e     *Engine
	ctx   context.Context // ends when the lease is lost
	leave context.Context // ends when the engine is to hand over
	epoch uint64
	log   *deployLog
	ahead ahead

	// swapping makes swaps of targets that work side by side wait for each other,
	// rather than collide: who swaps has put a token in. It is no mutex, because a
	// swap waits for the store, and waiting for it ends with the lease.
	swapping chan struct{}
	// record is what was read last, at version: most reads find it unchanged.
	reading sync.Mutex
	record  Record
	version lock.Version
	// fenced are the targets whose units were all asked since the claim.
	fenced map[string]bool
	// force makes the next convergence go to every unit; next says when it is due.
	force    bool
	next     time.Time
	failures int
	temporal map[string]int // tries of what failed for a while, by what it was
}

// errHandover is why work ends when another deployer is to continue it.
var errHandover = errors.New("pipeline: handing over to the next deployer")

// rest says how a step ended: when the next is due unless there is news, and
// whether only time, CI or a person can change anything.
type rest struct {
	wait    time.Duration
	settled bool
}

// again is the rest of a step that changed something: look at once.
var again = rest{}

// newSession claims nothing yet.
func newSession(ctx, leave context.Context, e *Engine) *session {
	return &session{
		swapping: make(chan struct{}, 1),
		e:        e, ctx: ctx, leave: leave, log: &deployLog{}, ahead: ahead{e: e, ctx: ctx},
		fenced: map[string]bool{}, force: true, temporal: map[string]int{},
	}
}

// run works until the lease is lost, the engine is to hand over, or, with settle,
// nothing is left to do.
func (s *session) run(lease *lock.Lease, settle bool) error {
	defer s.ahead.end()
	if err := s.claim(lease); err != nil {
		return unclaimed(err)
	}
	for s.ctx.Err() == nil {
		news := s.e.news.next()
		rest, err := s.step()
		switch {
		case s.leave.Err() != nil:
			return nil
		case fatal(err):
			return err
		case err != nil:
			rest = s.trouble(err)
		default:
			s.failures = 0
		}
		if settle && rest.settled {
			return nil
		}
		s.sleep(news, rest.wait)
	}
	return context.Cause(s.ctx)
}

// sleep waits for news, or for the time that a step asked for.
func (s *session) sleep(news <-chan struct{}, wait time.Duration) {
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-news:
	case <-timer.C:
	case <-s.ctx.Done():
	case <-s.leave.Done():
	}
}

// fatal reports whether an error ends the session: somebody else has the record, or
// it is not to be touched.
func fatal(err error) bool {
	var schema *SchemaError
	return errors.Is(err, lock.ErrLost) || errors.Is(err, ErrDamaged) || errors.As(err, &schema)
}

// trouble says what did not work and waits longer each time. A step that was
// overtaken looks again at once.
func (s *session) trouble(err error) rest {
	if s.failures++; errors.Is(err, errOvertaken) && s.failures < 3 {
		return again
	}
	s.e.tell(Event{Kind: EventProblem, Message: err.Error()})
	return rest{wait: backoff(s.failures)}
}

// backoff is how long to wait after so many failures in a row.
func backoff(failures int) time.Duration {
	return min(time.Second<<min(max(failures-1, 0), 6), time.Minute)
}

// step does the next thing that the record asks for: one, and no more.
func (s *session) step() (rest, error) {
	r, err := s.load()
	if err != nil {
		return again, err
	}
	if len(r.Ended) > 0 {
		if err := s.file(r); err != nil {
			s.e.tell(Event{Kind: EventProblem, Message: err.Error()})
		}
	}
	s.follow(r)
	if r.Open != nil && r.Open.Kind == KindRollback {
		return s.rollBack(r)
	}
	if s.dueToConverge(r) {
		s.converge(r)
		if r, err = s.load(); err != nil {
			return again, err
		}
	}
	if r.Open != nil {
		return s.advance(r)
	}
	return s.consider(r)
}

// follow makes the log that of what is open.
func (s *session) follow(r Record) {
	if r.Open != nil && s.log.deploy != r.Open.ID {
		s.log = &deployLog{deploy: r.Open.ID}
		clear(s.temporal)
	}
}

// file moves what has ended into the history.
func (s *session) file(r Record) error {
	ids, page, err := s.e.file(s.ctx, r)
	if err != nil {
		return err
	}
	_, err = s.swap(func(r *Record) error { r.filed(ids, page); return nil })
	return err
}

// targets are those of all stages.
func (s *session) targets() []target.Target {
	var all []target.Target
	for _, st := range s.e.c.Stages {
		all = append(all, st.Targets...)
	}
	return all
}
