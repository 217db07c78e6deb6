package dashboard

import (
	"net/url"
	"strings"
	"time"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
)

var rollbackAction = &action{
	name: "rollback", verb: "Roll back", reason: true, grave: true,
	open: func(c *opening) string {
		from, nothing := undoable(c)
		if nothing != "" {
			return nothing
		}
		q := pipeline.Rollback{From: from, To: c.in.Get("to")}
		if q.To == "" {
			q.To = words.WayBack(c.s, from)
		}
		c.form.On, c.form.To = q.From, q.To
		c.form.Heading = "Roll back " + from + "?"
		c.form.What = strings.Split(words.Undoing(c.s, q, c.now), "\n")
		return ""
	},
	request: func(s sealed, _ url.Values, _ *time.Location) (pipeline.Request, error) {
		return pipeline.Rollback{From: s.On, To: s.To}, nil
	},
}

// undoable is the release to undo: the one that the address names, or the one that is
// on its way or live. After a rollback it proposes none: who presses the button a
// second time wants the first one.
func undoable(c *opening) (from, nothing string) {
	s := c.s
	switch from = c.in.Get("release"); {
	case s.Open != nil && s.Open.Kind == pipeline.KindRollback:
		return "", words.Say("%s is being rolled back already, from %s to %s.", s.Name, words.Undone(s.Open), s.Open.To.ID)
	case s.Stop != nil && s.Stop.Kind == pipeline.StopRollback && s.Stop.From != nil && s.Live != nil && (from == "" || from == s.Stop.From.ID):
		return "", words.Say("%s was rolled back already, from %s to %s, by %s %s.", s.Name, s.Stop.From.ID, s.Live.ID, s.Stop.By, words.Ago(c.now, s.Stop.Since))
	case s.Live == nil && s.Open == nil:
		return "", "There is nothing to roll back: nothing was ever live."
	case from != "" && (s.Live == nil || from != s.Live.ID) && (s.Open == nil || from != s.Open.To.ID):
		return "", words.Say("%s is neither live nor on its way any more.", from)
	case from == "" && s.Open != nil:
		return s.Open.To.ID, ""
	case from == "":
		return s.Live.ID, ""
	}
	return from, ""
}

var abortAction = &action{
	name: "abort", verb: "Abort", reason: true, grave: true,
	open: func(c *opening) string {
		id := c.in.Get("deploy")
		switch o, w := c.s.Open, c.s.Wanted; {
		case o != nil && (id == "" || id == o.ID) && o.Kind == pipeline.KindRollback:
			return words.Say("%s is a rollback: it cannot be aborted.", o.ID)
		case o != nil && (id == "" || id == o.ID):
			c.form.On = o.ID
			c.form.Heading = "Abort " + o.ID + "?"
			c.form.What = []string{words.Say("%s is on its way: %q.", o.ID, words.Clean(o.Subject)),
				"Before any unit was switched it is dropped. After that it is rolled back, and automation stops."}
		case w != nil && (id == "" || id == w.ID):
			c.form.On = w.ID
			c.form.Heading = "Drop the deploy that was asked for?"
			c.form.What = []string{words.Say("%s asked for %s: %q. It has not begun.", w.By, words.Short(w.Revision), words.Clean(w.Reason))}
		case id != "":
			return words.Say("The deploy %s is not under way: it may have ended.", id)
		default:
			return c.l.name + " has no deploy under way."
		}
		return ""
	},
	request: func(s sealed, _ url.Values, _ *time.Location) (pipeline.Request, error) {
		return pipeline.Abort{Deploy: s.On}, nil
	},
}

var answerAction = &action{
	name: "answer", verb: "Answer",
	open: func(c *opening) string {
		c.form.On, c.form.To = c.in.Get("deploy"), c.in.Get("hook")
		if c.s.Open == nil || c.s.Open.ID != c.form.On {
			return words.Say("The deploy %s is not under way: it may have ended.", c.form.On)
		}
		c.form.Heading = "What became of " + words.Clean(c.form.To) + "?"
		c.form.What = []string{words.Say("A deployer died while %s ran for %s, and it is not known whether it did its work. Look, and say so.", c.form.To, c.form.On)}
		c.form.Changes = []choice{{"done", "It did its work", "the deploy goes on"}, {"again", "It did not", "it runs again, then the deploy goes on"}}
		return ""
	},
	request: func(s sealed, in url.Values, _ *time.Location) (pipeline.Request, error) {
		if c := in.Get("change"); c != "done" && c != "again" {
			return nil, errNothingChosen
		}
		return pipeline.Answer{Deploy: s.On, Hook: s.To, Done: in.Get("change") == "done"}, nil
	},
}
