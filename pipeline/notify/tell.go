package notify

import (
	"fmt"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
)

// The sentences. Each stands after the pipeline's name, the kind and a colon.

// tellStop tells of automation that stopped, or goes on.
func (f *follower) tellStop(s pipeline.Status) {
	switch {
	case s.Stop != nil && (f.stop == nil || f.stop.ID != s.Stop.ID):
		if s.Stop.Kind == pipeline.StopFailed {
			return // the deploy that failed says it
		}
		m := Message{At: s.Stop.Since, By: s.Stop.By, Reason: s.Stop.Reason}
		if m.Text = fmt.Sprintf("automation is stopped: %s", s.Stop.Reason); s.Stop.From != nil && s.Stop.To != nil {
			m.Deploy, m.Revision = s.Stop.From.ID, s.Stop.From.Revision
			m.Text = fmt.Sprintf("%s goes back to %s: %s", s.Stop.From.ID, s.Stop.To.ID, s.Stop.Reason)
		}
		if s.Stop.By != "" {
			m.Text += fmt.Sprintf(" (by %s)", s.Stop.By)
		}
		f.tell(Broke, m)
	case s.Stop == nil && f.stop != nil:
		text := "automation goes on"
		if s.Floor != "" {
			text += " from " + short(s.Floor)
		}
		f.tell(Resumed, Message{Text: text, Revision: s.Floor})
	}
}

// tellEnd tells how a deploy or a rollback ended, if that is a change.
func (f *follower) tellEnd(d pipeline.Deploy) {
	m := Message{At: d.Ended, Deploy: d.ID, Revision: d.To.Revision, Subject: d.Subject, By: d.By, Reason: d.Reason}
	switch {
	case d.Kind == pipeline.KindRollback && d.End == pipeline.RolledBack:
		m.Text = fmt.Sprintf("%s is live again", d.To.ID)
		if d.From != nil {
			m.Text += fmt.Sprintf(" in place of %s", d.From.ID)
		}
		if len(d.Failed) > 0 {
			m.Text += fmt.Sprintf("; %d units are not back", len(d.Failed))
		}
		f.tell(RolledBack, m)
	case d.End == pipeline.RollbackFailed:
		m.Text = fmt.Sprintf("the rollback to %s failed: %s", d.To.ID, d.Why)
		f.tell(Broke, m)
	case d.End == pipeline.FailedEnd:
		m.Text = fmt.Sprintf("%s failed, nothing was switched: %s", about(d), d.Why)
		f.tell(Broke, m)
	case d.Kind == pipeline.KindDeploy && (d.End == pipeline.Live || d.End == pipeline.Unchanged) && f.broken:
		m.Text = about(d) + " is live"
		f.tell(Fixed, m)
	case d.Kind == pipeline.KindDeploy && d.End == pipeline.Live:
		m.Text = about(d) + " is live"
		f.tell(Live, m)
	}
}

// about names a deploy and what it brings.
func about(d pipeline.Deploy) string {
	text := d.ID
	if d.Subject != "" {
		text += fmt.Sprintf(" %q", line(d.Subject, maxField))
	}
	if n := len(d.Batch); n > 1 {
		text += fmt.Sprintf(" with %d more changes", n-1)
	}
	return text
}

// tellHolds tells of holds that are new, and of those that are gone.
func (f *follower) tellHolds(s pipeline.Status) {
	for _, h := range s.Holds {
		if !contains(f.holds, same(h)) {
			f.tell(Held, Message{Text: h.String(), By: h.By, Reason: h.Reason})
		}
	}
	for _, h := range f.holds {
		if !contains(s.Holds, same(h)) {
			f.tell(Lifted, Message{Text: fmt.Sprintf("no longer %s", h.String()), By: h.By, Reason: h.Reason})
		}
	}
}

// same finds a hold again.
func same(h lock.Hold) func(lock.Hold) bool { return func(o lock.Hold) bool { return o.ID == h.ID } }

// tellAlarm tells that the verdict of what is live turned red, or is green again.
func (f *follower) tellAlarm(s pipeline.Status) {
	switch now := alarm(s); {
	case now != "" && now != f.alarm:
		f.tell(Broke, Message{Text: s.Reason.Sentence, Revision: now})
	case now == "" && f.alarm != "" && f.broken && s.Stop == nil && s.Live != nil && s.Live.Revision == f.alarm:
		f.tell(Fixed, Message{Text: fmt.Sprintf("the verdict of %s is green again", short(f.alarm)), Revision: f.alarm})
	}
}

func short(revision string) string { return revision[:min(7, len(revision))] }
