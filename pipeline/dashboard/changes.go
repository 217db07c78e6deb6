package dashboard

import (
	"slices"
	"time"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
)

// changes says what has changed since something was seen.
func changes(s seen, v view, now time.Time) []string {
	is := seenOf(v.status)
	var all []string
	if is.Stop != s.Stop {
		all = append(all, stopChange(v.status, now))
	}
	if is.Open != s.Open {
		all = append(all, openChange(s.Open, v)...)
	}
	if is.Live != s.Live && is.Live != "" {
		text := words.Say("%s is live now", is.Live)
		if s.Live != "" {
			text += words.Say(", and was %s then", s.Live)
		}
		all = append(all, text+".")
	}
	return append(all, holdChanges(s, v.status, now)...)
}

func stopChange(s pipeline.Status, now time.Time) string {
	switch {
	case s.Stop == nil:
		return "The pipeline was resumed."
	case s.Stop.Kind == pipeline.StopRollback && s.Stop.From != nil && s.Stop.To != nil:
		return words.Say("%s rolled back from %s to %s %s: %q.", s.Stop.By, s.Stop.From.ID, s.Stop.To.ID, words.Ago(now, s.Stop.Since), words.Clean(s.Stop.Reason))
	}
	return words.Say("%s stopped the pipeline %s: %q.", s.Stop.By, words.Ago(now, s.Stop.Since), words.Clean(s.Stop.Reason))
}

// openChange says what became of the deploy that was under way, and which is now.
func openChange(was string, v view) []string {
	var all []string
	if was != "" {
		end := "has ended"
		if i := slices.IndexFunc(v.recent, func(d pipeline.Deploy) bool { return d.ID == was }); i >= 0 {
			end = "ended: " + string(v.recent[i].End)
		}
		all = append(all, words.Say("%s %s.", was, end))
	}
	if v.status.Open != nil {
		all = append(all, words.Say("%s is under way now.", v.status.Open.ID))
	}
	return all
}

func holdChanges(was seen, s pipeline.Status, now time.Time) []string {
	var all []string
	for _, h := range s.Holds {
		if !slices.Contains(was.Holds, h.ID) {
			all = append(all, words.Say("It was held %s.", words.Hold(h, now.Location())))
		}
	}
	for _, id := range was.Holds {
		if !slices.ContainsFunc(seenOf(s).Holds, func(o string) bool { return o == id }) {
			all = append(all, words.Say("The hold %s was lifted, or has ended.", id))
		}
	}
	return all
}
