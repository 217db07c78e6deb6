package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/muster-deploy/muster/lock"
)

// Engine runs one pipeline. It is itself a Pipeline. All its methods may be called
// concurrently.
type Engine struct {
	desk
	c        Config
	news     signal // the record, the source or CI may have changed
	watchers observers
	verdict  verdictCache
}

var _ Pipeline = (*Engine)(nil)

// New returns the engine of a pipeline. It checks everything and touches nothing;
// the error joins all that is wrong with c.
func New(c Config) (*Engine, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	e := &Engine{c: c, desk: desk{store: c.Store, logs: c.Logs, name: c.Name}}
	if n, ok := c.CI.(Notifier); ok {
		n.Notify(e.Wake)
	}
	return e, nil
}

// Name implements Pipeline.
func (e *Engine) Name() string { return e.c.Name }

// Wake makes the engine ask source and CI now: a webhook's handler calls it.
func (e *Engine) Wake() { e.news.raise() }

// Watch yields the engine's events from now on until ctx ends. The observer has a
// queue of its own of the given size (zero: 256): when it is too slow, the oldest
// events are dropped and an EventLost says how many. It delays nobody.
func (e *Engine) Watch(ctx context.Context, size int) iter.Seq[Event] {
	return e.watchers.watch(ctx, size)
}

// tell gives an event to the observers and to the debug log.
func (e *Engine) tell(event Event) {
	event.At, event.Pipeline = time.Now(), e.c.Name
	if event.Kind != EventProgress {
		e.c.Log.Info(cmp.Or(event.Message, string(event.Kind)), "pipeline", e.c.Name, "event", event.Kind,
			"deploy", event.Deploy, "stage", event.Stage, "target", event.Target)
	}
	e.watchers.tell(event)
}

// Status implements Pipeline.
func (e *Engine) Status(ctx context.Context) (Status, error) {
	r, _, err := e.load(ctx)
	if err != nil {
		return Status{}, err
	}
	return e.status(ctx, r, e.glance(ctx, r))
}

// Explain answers "why is my change not live?" for one change. The revision may be
// abbreviated to seven characters or more, where that names one change only.
func (e *Engine) Explain(ctx context.Context, revision string) (Reason, error) {
	r, _, err := e.load(ctx)
	if err != nil {
		return Reason{}, err
	}
	return Explain(e.glance(ctx, r), revision), nil
}

// Do implements Pipeline. Beyond what Open's Do does, it knows the branch: it
// completes abbreviated commits and refuses those that are not on it.
func (e *Engine) Do(ctx context.Context, q Request) (string, error) {
	var err error
	switch r := q.(type) {
	case Ship:
		r.Revision, err = e.onBranch(ctx, r.Revision)
		q = r
	case Resume:
		r.From, err = e.onBranch(ctx, r.From)
		q = r
	}
	if err != nil {
		return q.meta().ID, err
	}
	id, err := e.desk.Do(ctx, q)
	e.news.raise()
	return id, err
}

// onBranch completes a commit's id, and refuses one that is not on the branch.
func (e *Engine) onBranch(ctx context.Context, revision string) (string, error) {
	if revision == "" {
		return "", nil // the request's own validation says so
	}
	r, _, err := e.load(ctx)
	if err != nil {
		return revision, err
	}
	branch, err := e.branch(ctx, r)
	if err != nil {
		return revision, nil // the deployer finds out, and stops rather than ships
	}
	j := judge(Snapshot{Record: r, Branch: branch})
	full := complete(j, revision)
	for _, c := range branch.Changes {
		if c.Revision == full {
			return full, nil
		}
	}
	if shippedIn(&r, full) != "" || r.excluded(full) {
		return full, nil // refused with a better reason, by the record
	}
	return full, refuse(Invalid, "%s is not on the branch ahead of what is live: is it pushed, and is the id right?", revision)
}

// snapshot reads all that the rule looks at, as far as it can be read.
func (e *Engine) snapshot(ctx context.Context, r Record) Snapshot {
	return e.read(ctx, r, e.c.CI.Verdicts)
}

// glance is a snapshot for who looks: CI is not set to work for him.
func (e *Engine) glance(ctx context.Context, r Record) Snapshot {
	if c, ok := e.c.CI.(Recaller); ok {
		return e.read(ctx, r, c.Recall)
	}
	return e.snapshot(ctx, r)
}

// judges is CI.Verdicts or Recaller.Recall.
type judges func(ctx context.Context, revisions []string) (map[string]Verdict, error)

// read is a snapshot whose verdicts are those that ci has.
func (e *Engine) read(ctx context.Context, r Record, ci judges) Snapshot {
	s := Snapshot{Now: time.Now(), Record: r}
	var problems []string
	note := func(err error) {
		if err != nil {
			problems = append(problems, err.Error())
		}
	}
	holds, err := e.foreignHolds(ctx, s.Now)
	note(err)
	s.Holds = holds
	if s.Branch, err = e.branch(ctx, r); err != nil {
		note(err)
	} else {
		s.Verdicts, err = e.verdict.ask(ctx, ci, revisions(s.Branch.Changes))
		note(err)
	}
	s.Unreachable = strings.Join(problems, "; ")
	return s
}

// foreignHolds are the holds that are not in the record: those of wider scope, and
// those of calendars. A calendar that cannot be read is a hold.
func (e *Engine) foreignHolds(ctx context.Context, now time.Time) ([]lock.Hold, error) {
	wide, _, err := loadWideHolds(ctx, e.store)
	if err != nil {
		return nil, err
	}
	holds := wide.Holds
	for i, policy := range e.c.Policies {
		more, err := policy(ctx, now)
		if err != nil {
			more = []lock.Hold{{
				Reason: "the calendar cannot be read: " + cut(err.Error(), maxText), Since: now,
			}}
		}
		for _, h := range more {
			h.ID = cmp.Or(h.ID, fmt.Sprintf("policy-%d", i))
			h.Scope = cmp.Or(h.Scope, lock.Pipeline(e.c.Name))
			h.Level = cmp.Or(h.Level, lock.Deploys)
			h.By = cmp.Or(h.By, "calendar")
			h.Source = cmp.Or(h.Source, fmt.Sprintf("policy %d", i))
			holds = append(holds, h)
		}
	}
	return holds, nil
}

// branch asks the source where the branch stands.
func (e *Engine) branch(ctx context.Context, r Record) (Branch, error) {
	live := r.liveRevision()
	changes, err := e.c.Source.Changes(ctx, live)
	if errors.Is(err, ErrNotOnBranch) && live != "" {
		return e.leftBranch(ctx, live)
	}
	if err != nil {
		return Branch{}, fmt.Errorf("list changes: %w", err)
	}
	b := Branch{Changes: changes}
	if r.Floor == "" {
		return b, nil
	}
	for i, c := range changes {
		if c.Revision == r.Floor {
			b.FromFloor = i + 1
			return b, nil
		}
	}
	above, err := e.c.Source.Changes(ctx, r.Floor)
	if errors.Is(err, ErrNotOnBranch) {
		b.FromFloor = -1
		return b, nil
	}
	b.FromFloor = len(above) - 1
	return b, err
}

// leftBranch says how the branch lies when what is live is not on it.
func (e *Engine) leftBranch(ctx context.Context, live string) (Branch, error) {
	changes, err := e.c.Source.Changes(ctx, "")
	if err != nil {
		return Branch{}, fmt.Errorf("list changes: %w", err)
	}
	b := Branch{Changes: changes, Position: Diverged}
	if len(changes) == 0 {
		return Branch{}, errors.New("list changes: the branch is empty, but a release of it is live")
	}
	behind, err := e.c.Source.IsAncestor(ctx, changes[0].Revision, live)
	if err != nil && !errors.Is(err, ErrNotOnBranch) {
		return Branch{}, fmt.Errorf("compare the branch with what is live: %w", err)
	}
	if behind {
		b.Position = Behind
	}
	return b, nil
}

func revisions(changes []Change) []string {
	all := make([]string, len(changes))
	for i, c := range changes {
		all[i] = c.Revision
	}
	return all
}

// verdictCache remembers the last verdict of a change for when CI does not answer.
type verdictCache struct {
	mu   sync.Mutex
	last map[string]Verdict
}

// ask asks CI, and remembers what it said.
func (v *verdictCache) ask(ctx context.Context, ci judges, revisions []string) (map[string]Verdict, error) {
	if len(revisions) == 0 {
		return nil, nil
	}
	verdicts, err := ci(ctx, revisions)
	if err != nil {
		return nil, fmt.Errorf("ask CI: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last = verdicts
	return verdicts, nil
}

// one asks about one change; where CI does not answer, its last word stands.
func (v *verdictCache) one(ctx context.Context, ci CI, revision string) Verdict {
	verdicts, err := ci.Verdicts(ctx, []string{revision})
	if err == nil {
		return verdicts[revision]
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.last[revision]
}
