package pipeline

import (
	"context"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/lock"
)

// Open returns the pipeline of that name for people and tools that have no targets:
// bots, command lines, dashboards. It touches nothing; its methods return
// ErrNoPipeline when nothing was ever recorded under the name. Without the logs'
// store (nil), Log returns an error.
func Open(s lock.Store, logs build.Store, name string) Pipeline {
	return desk{store: s, logs: logs, name: name}
}

// Recorded returns the engine's pipeline as Open does: its Status says what the
// deployer has recorded last and asks neither source nor CI. It is for who looks
// often, like a dashboard.
func (e *Engine) Recorded() Pipeline { return e.desk }

// Name implements Pipeline.
func (d desk) Name() string { return d.name }

// Status implements Pipeline. Why nothing is deployed is what the deployer recorded
// last, unless the record itself says it.
func (d desk) Status(ctx context.Context) (Status, error) {
	r, _, err := d.load(ctx)
	if err != nil {
		return Status{}, err
	}
	s := Snapshot{Now: time.Now(), Record: r}
	wide, _, err := loadWideHolds(ctx, d.store)
	if err != nil {
		return Status{}, err
	}
	s.Holds = wide.Holds
	return d.status(ctx, r, s)
}

// status puts together what a pipeline says of itself.
func (d desk) status(ctx context.Context, r Record, s Snapshot) (Status, error) {
	st := Status{
		Name: d.name, At: s.Now, Reason: statusReason(s), Open: r.Open, Stop: r.Stop, Wanted: r.Wanted,
		Floor: r.Floor, Excluded: r.Excluded, Parked: r.Parked, Served: r.Served, Observed: r.Observed,
		Epoch: r.Epoch, Number: r.Number,
	}
	for _, h := range judge(s).holds() {
		if h.Active(s.Now) {
			st.Holds = append(st.Holds, h)
		}
	}
	if r.Live != nil {
		st.Live = &Served{Release: *r.Live}
		if served := r.served(r.Live.ID); served != nil {
			st.Live = served
		}
	}
	if r.Lease != "" {
		grant, err := lock.Peek(ctx, d.store, r.Lease)
		if err == nil && !grant.Released {
			st.Deployer = &grant
		}
	}
	return st, nil
}

// statusReason is the one reason that speaks for the pipeline.
func statusReason(s Snapshot) Reason {
	r := &s.Record
	if o := r.Open; o != nil {
		return openReason(s, o)
	}
	d := Decide(s)
	switch live := r.liveRevision(); {
	case live != "" && s.Verdicts[live] == Failed && r.Stop == nil:
		return sayAlarm(live)
	case len(s.Branch.Changes) == 0 && d.Reason.Code == CodeIdle && r.Waiting != nil:
		return *r.Waiting // the branch is not known here, but the deployer said this
	}
	return d.Reason
}

// openReason says what an open deploy or rollback does, or waits for.
func openReason(s Snapshot, o *Attempt) Reason {
	reason := sayOpen(o)
	holds := pausing(judge(s).holds())
	if o.Kind == KindRollback {
		holds = everything(holds)
	}
	if hold := blocking(holds, s.Now, o.Override.Holds); hold != nil {
		held := sayHeld(*hold)
		held.Deploy, held.Sentence = o.ID, reason.Sentence+", "+held.Sentence
		return held
	}
	if w := s.Record.Waiting; w != nil && w.Deploy == o.ID {
		return *w
	}
	return reason
}
