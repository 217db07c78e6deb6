package words

import (
	"slices"
	"strings"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

// WayBack proposes the release to go back to, as the pipeline does; empty leaves it
// to the pipeline.
func WayBack(s pipeline.Status, from string) string {
	end, digest := len(s.Served), ""
	if i := slices.IndexFunc(s.Served, func(r pipeline.Served) bool { return r.ID == from }); i >= 0 {
		end, digest = i, s.Served[i].Digest
	} else if s.Open != nil && s.Open.To.ID == from {
		digest = s.Open.To.Digest
	} else {
		return ""
	}
	for i := end - 1; i >= 0; i-- {
		r := s.Served[i]
		bad := slices.ContainsFunc(s.Excluded, func(e pipeline.Excluded) bool { return e.Revision == r.Revision })
		if !bad && r.Digest != digest {
			return r.ID
		}
	}
	return ""
}

// Undoing says what a rollback would do.
func Undoing(s pipeline.Status, q pipeline.Rollback, now time.Time) string {
	what := Say("%s is live", q.From)
	if s.Open != nil && s.Open.To.ID == q.From {
		what = Say("%s is on its way: %q", q.From, Clean(s.Open.Subject))
	}
	back := "the release before it"
	for _, r := range s.Served {
		if r.ID == q.To {
			back = Say("%s, first live %s,", r.ID, Ago(now, r.At))
		}
	}
	return Say("%s: %s.\n%s goes live again, automation stops, and what came since is never shipped again.", s.Name, what, Capital(back))
}

// Capital makes the first letter of a sentence that begins with a plain one a capital.
func Capital(s string) string { return strings.ToUpper(s[:min(1, len(s))]) + s[min(1, len(s)):] }
