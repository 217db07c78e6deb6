package pipeline

import "time"

// Stats are the four numbers by which teams measure how they deliver, over a range
// of deploys.
type Stats struct {
	// Since and Until are the range that was asked for.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Deploys counts those that went live or were unchanged, by automation and by
	// hand; PerDay is their number by day, in Until's zone, as "2006-01-02".
	Deploys int            `json:"deploys"`
	PerDay  map[string]int `json:"per_day"`
	// LeadTime is the median time from commit to live, over all deploys that went
	// live; LeadTime95 the 95th percentile. It uses the committers' clocks.
	LeadTime   time.Duration `json:"lead_time"`
	LeadTime95 time.Duration `json:"lead_time_95"`
	// Failed counts deploys that failed or were rolled back, FailureRate is their
	// share of all that ended, but for superseded and aborted ones.
	Failed      int     `json:"failed"`
	FailureRate float64 `json:"failure_rate"`
	// Restore is the median time from the beginning of a rollback to its end.
	Restore time.Duration `json:"restore"`
}

// Summarize computes the Stats of the deploys that ended from since, included, to
// until, excluded.
func Summarize(deploys []Deploy, since, until time.Time) Stats { panic("skeleton") }
