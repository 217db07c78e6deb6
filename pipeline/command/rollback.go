package command

import (
	"context"
	"flag"
	"slices"
	"strings"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
)

var rollbackCommand = &command{
	name: "rollback", brief: "undo the release that is live or on its way, and stop automation",
	long: `Undoes the release that is live or on its way: the one before it goes live again,
automation stops, and what came since is never shipped again. It is allowed while the
pipeline is held, unless everything is. It names the release that it undoes, so that
two people who do it at once roll back once; to undo a second one, name it with -from.`,
	setup: func(set *flag.FlagSet) action {
		var r rolling
		r.who.declare(set)
		set.StringVar(&r.from, "from", "", "undo `RELEASE` (default: the one on its way, or live)")
		set.StringVar(&r.to, "to", "", "go back to `RELEASE` (default: the newest before it that is not quarantined)")
		set.BoolVar(&r.yes, "yes", false, "do not ask for confirmation")
		set.BoolVar(&r.wait, "wait", false, "wait until it has ended")
		return r.ask
	},
}

// rolling is what the flags of rollback say.
type rolling struct {
	who       asking
	from, to  string
	yes, wait bool
}

func (r *rolling) ask(ctx context.Context, c *call) error {
	p, err := c.one()
	if err != nil {
		return err
	}
	s, err := p.Status(ctx)
	if err != nil {
		return err
	}
	q, err := r.request(c, s)
	if err != nil {
		return err
	}
	if !r.yes {
		question := c.undoing(s, q) + "\nRoll back?"
		otherwise := "a rollback has to be confirmed: say -yes where nobody can be asked"
		if err := c.confirm(ctx, question, otherwise); err != nil {
			return err
		}
	}
	if q.Asked, err = c.asked(ctx, r.who, true); err != nil {
		return err
	}
	w, err := c.watchFrom(ctx, p, s, r.wait)
	if err != nil {
		return err
	}
	id, err := p.Do(ctx, q)
	if err != nil {
		return err
	}
	a := answer{Pipeline: p.Name(), Request: "rollback", ID: id}
	text := say("%s: the rollback of %s is recorded, and automation is stopped.", p.Name(), q.From)
	if !r.wait {
		return c.recorded(a, text, c.outlook(ctx, p))
	}
	return w.rollback(ctx, a, text)
}

// request names the release to undo and the one to go back to.
func (r *rolling) request(c *call, s pipeline.Status) (pipeline.Rollback, error) {
	q := pipeline.Rollback{From: r.from, To: r.to}
	if q.From == "" {
		from, err := c.undoable(s)
		if err != nil {
			return q, err
		}
		q.From = from
	}
	q.From, q.To = fullRelease(s, q.From), fullRelease(s, q.To)
	if q.To == "" {
		q.To = words.WayBack(s, q.From)
	}
	return q, nil
}

// undoable proposes the release to undo. After a rollback it proposes none: who
// presses the button a second time wants the first one.
func (c *call) undoable(s pipeline.Status) (string, error) {
	switch {
	case s.Open != nil && s.Open.Kind == pipeline.KindRollback:
		return "", refused("%s is being rolled back already, from %s to %s", s.Name, words.Undone(s.Open), s.Open.To.ID)
	case s.Open != nil:
		return s.Open.To.ID, nil
	case s.Live == nil:
		return "", refused("there is nothing to roll back: nothing was ever live")
	case s.Stop != nil && s.Stop.Kind == pipeline.StopRollback && s.Stop.From != nil:
		return "", refused("%s was rolled back already, from %s to %s, by %s %s. To undo %[3]s as well, name it: %[6]s rollback -from %[3]s",
			s.Name, s.Stop.From.ID, s.Live.ID, clean(s.Stop.By), c.ago(s.Stop.Since), c.Name)
	}
	return s.Live.ID, nil
}

// fullRelease completes the number of a release, "43", to its id, "43-3f9a1c0".
func fullRelease(s pipeline.Status, id string) string {
	if id == "" {
		return ""
	}
	var all []string
	if s.Open != nil {
		all = append(all, s.Open.To.ID)
	}
	for _, served := range s.Served {
		all = append(all, served.ID)
	}
	if i := slices.IndexFunc(all, func(full string) bool { return strings.HasPrefix(full, id+"-") }); i >= 0 {
		return all[i]
	}
	return id
}

// undoing says what a rollback would do.
func (c *call) undoing(s pipeline.Status, q pipeline.Rollback) string {
	return words.Undoing(s, q, c.now())
}
