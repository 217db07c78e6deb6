package github

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

// DefaultEnvironment is the environment of Deployments.
const DefaultEnvironment = "production"

// Bounds of writing deployments.
const (
	writeTries     = 8 // of one thing that cannot be written, over about two minutes
	writeAhead     = 50
	maxDescription = 140 // GitHub's own
)

// DeploymentsConfig says how deploys are shown on GitHub. Its zero value is usable.
type DeploymentsConfig struct {
	// Environment is the name of the environment. Zero: DefaultEnvironment.
	Environment string
	// URL returns where people can read about a deploy, by its id. Nil: nowhere.
	URL func(deploy string) string
	// Log is told what could not be written. Nil: nobody.
	Log *slog.Logger
}

// Deployments write what a pipeline does to GitHub, as deployments with statuses: in
// progress, success, failure, inactive. It is an observer: the engine does not wait for
// it and does not depend on it. What cannot be written within some minutes is given up.
type Deployments struct {
	c   DeploymentsConfig
	api *client
}

// NewDeployments returns what writes the deploys of a branch's pipeline. The token of
// the branch has to be allowed to write deployments.
func NewDeployments(b *Branch, c DeploymentsConfig) *Deployments {
	if c.Environment == "" {
		c.Environment = DefaultEnvironment
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Deployments{c: c, api: b.api}
}

// Follow writes what a pipeline does from now on, until the events end. Take the events
// from the engine, and p from pipeline.Open, whose Status asks nobody but the store:
//
//	go deployments.Follow(ctx, pipeline.Open(store, logs, "web"), engine.Watch(ctx, 0))
//
// Watch before the engine runs, so that its first deploy is seen. Of several deployers
// that share the pipeline, the one that acts writes.
//
// Events only say when to look: what was missed, because it came too fast or GitHub did
// not answer, is read from the pipeline and written later.
func (d *Deployments) Follow(ctx context.Context, p pipeline.Pipeline, events iter.Seq[pipeline.Event]) {
	f := &following{Deployments: d, p: p}
	for e := range events {
		if f.news(e) {
			f.catchUp(ctx)
		}
	}
}

// news reports whether an event says that there is something to write. A rollback that
// a person asked for is first heard of when it is at work.
func (f *following) news(e pipeline.Event) bool {
	switch e.Kind {
	case pipeline.EventClaimed, pipeline.EventLost: // it may have been among what was lost
		f.claimed = e.At
		return true
	}
	if e.Deploy != "" && f.epoch == 0 && f.claimed.IsZero() {
		f.claimed = e.At // the claim came before anybody listened
	}
	return e.Kind == pipeline.EventEnded || e.Deploy != "" && e.Deploy != f.shown
}

// following is how far a pipeline's deploys are written.
type following struct {
	*Deployments
	p     pipeline.Pipeline
	last  string // the deploy that ended last, of those that are written
	shown string // the deploy that is shown as under way

	claimed time.Time // when the deployer that is followed claimed the pipeline; zero: it was seen to
	epoch   uint64    // of its last claim
}

// catchUp writes what is not written yet, and tries again for a while.
func (f *following) catchUp(ctx context.Context) {
	for try := range writeTries {
		err := f.write(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		f.c.Log.Warn("write deployment", "pipeline", f.p.Name(), "error", err)
		wait := min(time.Second<<try, 30*time.Second)
		var limit *LimitError
		if errors.As(err, &limit) {
			wait = min(time.Until(limit.Until), 5*time.Minute)
		}
		pause(ctx, wait)
	}
}

// write writes what has ended, the oldest first, and then what is under way.
func (f *following) write(ctx context.Context) error {
	if f.api.limits.thrifty(time.Now()) {
		return nil
	}
	ended, err := f.ended(ctx)
	if err != nil {
		return err
	}
	s, err := f.p.Status(ctx)
	if err != nil {
		return err
	}
	if ended = f.own(ended, s.Epoch); f.epoch != s.Epoch {
		return nil
	}
	for _, e := range ended {
		if err := f.set(ctx, e.ID, e.Kind, e.To.Revision, endState(e), e.Subject); err != nil && !refusedForGood(err) {
			return fmt.Errorf("deploy %s: %w", e.ID, err)
		} else if err != nil {
			f.c.Log.Warn("deployment is refused", "deploy", e.ID, "error", err)
		}
		f.last = e.ID
	}
	if s.Open == nil || s.Open.ID == f.shown {
		return nil
	}
	state := state{name: "in_progress", text: "deploying " + s.Open.ID}
	if s.Open.Kind == pipeline.KindRollback {
		state.text = "rolling back: " + s.Open.Reason
	}
	if err := f.set(ctx, s.Open.ID, s.Open.Kind, s.Open.To.Revision, state, s.Open.Subject); err != nil && !refusedForGood(err) {
		return fmt.Errorf("deploy %s: %w", s.Open.ID, err)
	}
	f.shown = s.Open.ID
	return nil
}

// own are the deploys that are for this process to write: not those that ended while
// somebody else acted, or might have.
func (f *following) own(ended []pipeline.Deploy, epoch uint64) []pipeline.Deploy {
	since, before := f.claimed, f.epoch
	if f.claimed = (time.Time{}); !since.IsZero() {
		f.epoch = epoch
	}
	if since.IsZero() && epoch == before || before != 0 && epoch <= before+1 && f.epoch == epoch {
		return ended
	}
	for i, d := range ended {
		if f.epoch == epoch && !d.Ended.Before(since) {
			return ended[i:]
		}
		f.last = d.ID
	}
	return nil
}

// ended are the deploys that ended since, oldest first, of many only the newest.
func (f *following) ended(ctx context.Context) (since []pipeline.Deploy, err error) {
	for d, err := range f.p.Deploys(ctx, "") {
		if err != nil {
			return nil, err
		}
		if d.ID == f.last || len(since) == writeAhead {
			break
		}
		since = append(since, d)
	}
	slices.Reverse(since)
	return since, nil
}

// state is a status as GitHub knows it.
type state struct{ name, text string }

// endState is how a deploy's end is shown.
func endState(d pipeline.Deploy) state {
	text := string(d.End)
	if d.Why != "" {
		text += ": " + d.Why
	}
	switch d.End {
	case pipeline.Live, pipeline.Unchanged:
		return state{"success", text}
	case pipeline.RolledBack:
		if d.Kind == pipeline.KindRollback {
			return state{"success", "rolled back: " + d.Reason}
		}
		return state{"failure", text}
	case pipeline.FailedEnd:
		return state{"failure", text}
	case pipeline.RollbackFailed:
		return state{"error", text}
	}
	return state{"inactive", text}
}

// refusedForGood reports whether GitHub will not take it later either: the commit is
// gone, or the token may not.
func refusedForGood(err error) bool {
	var refused *Failure
	return errors.As(err, &refused) && refused.Status/100 == 4
}

// deployment is a deployment as the API shows it.
type deployment struct {
	ID      int64 `json:"id"`
	Payload mark  `json:"payload"`
}

// set sets the status of a deploy's deployment, which is made if there is none.
func (f *following) set(ctx context.Context, deploy string, kind pipeline.Kind, revision string, s state, subject string) error {
	id, err := f.find(ctx, deploy, kind, revision, subject)
	if err != nil {
		return err
	}
	body := map[string]any{"state": s.name, "description": line(s.text, maxDescription), "auto_inactive": true}
	if f.c.URL != nil {
		body["log_url"] = f.c.URL(deploy)
	}
	return f.api.post(ctx, fmt.Sprintf("/deployments/%d/statuses", id), body, &struct{}{})
}

// find returns a deploy's deployment. It is looked for before it is made: an answer may
// have been lost, or an earlier process made it.
func (f *following) find(ctx context.Context, deploy string, kind pipeline.Kind, revision, subject string) (int64, error) {
	own := mark{Pipeline: f.p.Name(), Deploy: deploy}
	var found []deployment
	_, err := f.api.get(ctx, fmt.Sprintf("/deployments?sha=%s&environment=%s&task=%s&per_page=%d",
		url.QueryEscape(revision), url.QueryEscape(f.c.Environment), kind, perPage),
		func(body []byte) error { found = nil; return decode(body, &found) })
	if err != nil {
		return 0, err
	}
	for _, d := range found {
		if d.Payload == own {
			return d.ID, nil
		}
	}
	var made deployment
	err = f.api.post(ctx, "/deployments", map[string]any{
		"ref": revision, "environment": f.c.Environment, "task": kind, "payload": own,
		"description": line(deploy+": "+subject, maxDescription),
		"auto_merge":  false, "required_contexts": []string{}, // what may be deployed is decided already
	}, &made)
	return made.ID, err
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
