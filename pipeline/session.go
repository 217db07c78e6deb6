package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

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

// unclaimed judges why the record could not be claimed. Unless it is not to be
// touched, the lease is taken again: a store that fails for a moment, or a lease
// that runs out just then, must not end a deployer.
func unclaimed(err error) error {
	if fatal(err) {
		return err
	}
	return fmt.Errorf("%w before the record was claimed: %w", lock.ErrLost, err)
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

// targets are those of all stages.
func (s *session) targets() []target.Target {
	var all []target.Target
	for _, st := range s.e.c.Stages {
		all = append(all, st.Targets...)
	}
	return all
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

// load reads the record and makes sure that it is this session's. What it returns
// is shared by those who load the same version: it is for reading only.
func (s *session) load() (Record, error) {
	data, version, err := s.e.document(s.ctx)
	if err != nil {
		return Record{}, err
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	if version != s.version {
		r, err := decodeRecord(keys(s.e.name).record(), data)
		if err != nil {
			return Record{}, err
		}
		s.record, s.version = r, version
	}
	return s.record, s.mine(&s.record)
}

// mine returns ErrLost when another deployer has claimed the record.
func (s *session) mine(r *Record) error {
	if r.Epoch != s.epoch {
		return fmt.Errorf("%w: %s claimed the record, epoch %d after %d", lock.ErrLost, r.Holder, r.Epoch, s.epoch)
	}
	return nil
}

// swap changes the record while it is this session's. What was logged since the
// last swap is stored first and counted in the same swap.
func (s *session) swap(change func(*Record) error) (Record, error) {
	select {
	case s.swapping <- struct{}{}:
		defer func() { <-s.swapping }()
	case <-s.ctx.Done():
		return Record{}, context.Cause(s.ctx)
	}
	log, piece := s.log, s.log.take()
	r, version, err := s.e.swapped(s.ctx, s.read, func(r *Record) error {
		if err := s.mine(r); err != nil {
			return err
		}
		s.store(r, log.deploy, piece)
		return change(r)
	})
	if err != nil {
		log.putBack(piece)
		return Record{}, err
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	s.record, s.version = r, version
	return r, nil
}

// store keeps a piece of the open deploy's log. A deploy does not wait for its log.
func (s *session) store(r *Record, deploy string, piece []byte) {
	if r.Open == nil || r.Open.ID != deploy || len(piece) == 0 {
		return
	}
	if err := s.e.putPiece(s.ctx, deploy, r.Open.Logged, piece); err != nil {
		s.e.tell(Event{Kind: EventProblem, Deploy: deploy, Message: "store log: " + err.Error()})
		return
	}
	r.Open.Logged++
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
