package command

import (
	"context"
	"strings"
	"time"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
)

// lookEvery is how often a pipeline is looked at while its deployer, which runs
// elsewhere, is waited for.
const lookEvery = time.Second

// wait watches a pipeline from before a request was made.
type wait struct {
	c      *call
	p      pipeline.Pipeline
	before pipeline.Status
	lastID string // the deploy that ended last, before the request
}

// watchFrom notes where the history ends, so that what ends from now on is seen.
func (c *call) watchFrom(ctx context.Context, p pipeline.Pipeline, before pipeline.Status, wanted bool) (*wait, error) {
	w := &wait{c: c, p: p, before: before}
	if !wanted {
		return w, nil
	}
	for d, err := range p.Deploys(ctx, "") {
		w.lastID = d.ID
		return w, err
	}
	return w, nil
}

// deploy waits for the deploy that was asked for, of a revision that may be
// abbreviated. A rollback on the way has to end before the deploy has.
func (w *wait) deploy(ctx context.Context, a answer, revision, text string) error {
	pending := func(s pipeline.Status) bool {
		return s.Wanted != nil && s.Wanted.ID == a.ID ||
			s.Open != nil && (strings.HasPrefix(s.Open.To.Revision, revision) || s.Open.Kind == pipeline.KindRollback)
	}
	ended := func(d pipeline.Deploy) bool {
		return d.Kind == pipeline.KindDeploy && strings.HasPrefix(d.To.Revision, revision)
	}
	d, err := w.until(ctx, text, pending, ended)
	if err != nil {
		return err
	}
	return w.report(a, d, d.End == pipeline.Live || d.End == pipeline.Unchanged)
}

// rollback waits for the rollback that was recorded.
func (w *wait) rollback(ctx context.Context, a answer, text string) error {
	pending := func(s pipeline.Status) bool { return s.Open != nil && s.Open.Kind == pipeline.KindRollback }
	ended := func(d pipeline.Deploy) bool { return d.Kind == pipeline.KindRollback }
	d, err := w.until(ctx, text, pending, ended)
	if err != nil {
		return err
	}
	return w.report(a, d, d.End == pipeline.RolledBack)
}

// report says how it ended.
func (w *wait) report(a answer, d pipeline.Deploy, good bool) error {
	if w.c.json {
		a.Deploy = &d
		if err := writeJSON(w.c.Stdout, a); err != nil {
			return err
		}
	} else if err := w.c.deployLine(d); err != nil {
		return err
	}
	if !good {
		return unfinished("%s ended: %s", d.ID, d.End)
	}
	return nil
}

// until looks again and again, shows what changes, and returns the deploy that
// ended. A status is always read before the history: what is no longer pending in
// the one has to be in the other.
func (w *wait) until(ctx context.Context, text string, pending func(pipeline.Status) bool, ended func(pipeline.Deploy) bool) (pipeline.Deploy, error) {
	show := w.c.display(false)
	defer show.close()
	show.say(text)
	for last := w.before; ; {
		s, err := w.p.Status(ctx)
		if err != nil {
			return pipeline.Deploy{}, err
		}
		for _, e := range words.Differences(last, s) {
			show.event(e)
		}
		if last = s; !pending(s) {
			return w.find(ctx, ended)
		}
		if s.Deployer == nil {
			show.once(say("No deployer is running: \"%s settle\" does it from another terminal.", w.c.Name))
		}
		if err := rest(ctx, lookEvery); err != nil {
			return pipeline.Deploy{}, err
		}
	}
}

// find looks among the deploys that ended since the request.
func (w *wait) find(ctx context.Context, ended func(pipeline.Deploy) bool) (pipeline.Deploy, error) {
	for d, err := range w.p.Deploys(ctx, "") {
		if err != nil {
			return d, err
		}
		if d.ID == w.lastID {
			break
		}
		if ended(d) {
			return d, nil
		}
	}
	return pipeline.Deploy{}, unfinished("it is neither under way nor in the history: \"%s history\" and \"%[1]s status\" say what came in between", w.c.Name)
}

// rest waits, unless ctx ends first.
func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
