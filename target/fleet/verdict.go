package fleet

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/muster-deploy/muster/target"
)

// verdict says how the order ended: nil, or an *Error with where each host is.
func (r *rollout) verdict() error {
	e := &Error{Fleet: r.f.c.Name, Release: r.o.Release, Reason: r.reason}
	if r.cause != nil {
		e.Errs = append(e.Errs, r.cause)
	}
	for _, m := range r.members {
		if !m.gone {
			e.add(m, r.o)
		}
	}
	if !r.stopped() && len(e.Failed) <= r.f.c.Budget {
		return nil
	}
	if e.Reason == "" {
		e.Reason = fmt.Sprintf("finished, but %d hosts failed or were out of reach, the budget is %d", len(e.Failed), r.f.c.Budget)
	}
	return e
}

// add files one host.
func (e *Error) add(m *member, o target.Order) {
	switch {
	case m.last.Condition == target.Unknown:
		e.Unknown = append(e.Unknown, m.Name)
	case m.last.Digest == o.Release.Digest:
		e.New = append(e.New, m.Name)
	default:
		e.Old = append(e.Old, m.Name)
	}
	if m.err != nil {
		e.Failed = append(e.Failed, m.Name)
		e.Errs = append(e.Errs, m.err)
	}
}

// announce tells the plan before it is acted on.
func (r *rollout) announce(ctx context.Context) {
	todo := 0
	for _, b := range r.batches {
		todo += len(b.members)
	}
	r.tell("", "plan", fmt.Sprintf("%d of %d hosts in %d batches, at most %d at once",
		todo, len(r.members), len(r.batches), r.window))
	log := r.f.c.Log
	if !log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	log.InfoContext(ctx, "plan", "fleet", r.f.c.Name, "release", r.o.Release.ID, "intent", r.o.Intent,
		"hosts", todo, "members", len(r.members), "batches", len(r.batches), "at once", r.window, "in service", r.floor)
	for i, b := range r.batches {
		step := r.step(i)
		log.InfoContext(ctx, "batch", "fleet", r.f.c.Name, "batch", step.Batch, "of", step.Batches,
			"zone", b.members[0].Zone, "canary", b.canary, "hosts", step.Units)
	}
}

func (r *rollout) tell(unit, phase, message string) {
	if r.o.Report != nil {
		r.o.Report(target.Progress{Unit: unit, Phase: phase, Message: message})
	}
}

// tell reports a phase of one host, whose name onHost puts in.
func tell(o target.Order, phase string) {
	if o.Report != nil {
		o.Report(target.Progress{Phase: phase})
	}
}
