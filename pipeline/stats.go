package pipeline

import (
	"math"
	"slices"
	"time"
)

// Stats are the four numbers by which teams measure how they deliver, over a range
// of deploys.
type Stats struct {
	// Since and Until are the range that was asked for.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Deploys counts those that went live or were unchanged, by automation and by
	// hand; PerDay is their number by day, in Until's zone, as "2006-01-02". A day
	// without any is not in it.
	Deploys int            `json:"deploys"`
	PerDay  map[string]int `json:"per_day"`
	// LeadTime is the median time from commit to live, over all deploys that went
	// live; LeadTime95 the 95th percentile. It uses the committers' clocks: a commit
	// from the future counts as no time at all.
	LeadTime   time.Duration `json:"lead_time"`
	LeadTime95 time.Duration `json:"lead_time_95"`
	// Failed counts deploys that failed or were rolled back, also those that had
	// been live before they were. FailureRate is their share of all that ended, but
	// for superseded and aborted ones; zero when none ended.
	Failed      int     `json:"failed"`
	FailureRate float64 `json:"failure_rate"`
	// Restore is the median time from the beginning of a rollback to its end, over
	// the rollbacks that succeeded.
	Restore time.Duration `json:"restore"`
}

// Summarize computes the Stats of the deploys that ended from since, included, to
// until, excluded. Their order does not matter. The median of an even number of
// times is the mean of the two in the middle; the 95th percentile is the smallest
// time that at least 95 of 100 do not exceed (the nearest rank). Without times,
// both are zero.
func Summarize(deploys []Deploy, since, until time.Time) Stats {
	s := Stats{Since: since, Until: until, PerDay: map[string]int{}}
	var lead, restore []time.Duration
	judged, failed := map[string]bool{}, map[string]bool{}
	for _, d := range deploys {
		if d.Ended.Before(since) || !d.Ended.Before(until) {
			continue
		}
		if d.succeeded() {
			s.Deploys++
			s.PerDay[d.Ended.In(until.Location()).Format(time.DateOnly)]++
		}
		if d.Kind == KindDeploy && d.End == Live && !d.Committed.IsZero() {
			lead = append(lead, max(0, d.Ended.Sub(d.Committed)))
		}
		if d.Kind == KindRollback && d.End == RolledBack {
			restore = append(restore, max(0, d.Ended.Sub(d.Began)))
		}
		d.judge(judged, failed)
	}
	slices.Sort(lead)
	slices.Sort(restore)
	s.LeadTime, s.LeadTime95, s.Restore = median(lead), percentile(lead, 95), median(restore)
	s.Failed = len(failed)
	if len(judged) > 0 {
		s.FailureRate = float64(len(failed)) / float64(len(judged))
	}
	return s
}

// succeeded reports whether d brought a change live.
func (d Deploy) succeeded() bool {
	return d.Kind == KindDeploy && (d.End == Live || d.End == Unchanged)
}

// judge notes the ids of the deploys that d says something about: those that
// count, and those of them that failed. A deploy that was live and then undone has
// a line of its own and one of its rollback; it counts once.
func (d Deploy) judge(judged, failed map[string]bool) {
	switch {
	case d.Kind == KindRollback:
		if d.From != nil {
			judged[d.From.ID], failed[d.From.ID] = true, true
		}
	case d.End == Superseded || d.End == Aborted:
	default:
		judged[d.ID] = true
		if !d.succeeded() {
			failed[d.ID] = true
		}
	}
}

// median returns the middle of sorted times.
func median(sorted []time.Duration) time.Duration {
	n := len(sorted)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return sorted[n/2]
	}
	low, high := sorted[n/2-1], sorted[n/2]
	return low + (high-low)/2
}

// percentile returns the smallest of sorted times that p of 100 do not exceed.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(float64(len(sorted)*p) / 100))
	return sorted[max(rank, 1)-1]
}
