package pipeline_test

import (
	"testing"
	"time"
	_ "time/tzdata" // also where the machine has none

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
)

var statsDay = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// shipped is a deploy that ended at a time, so long after its commit.
func shipped(id string, ended time.Time, lead time.Duration) pipeline.Deploy {
	return pipeline.Deploy{
		ID: id, Kind: pipeline.KindDeploy, End: pipeline.Live, To: target.Release{ID: id},
		Committed: ended.Add(-lead), Began: ended.Add(-time.Minute), Ended: ended,
	}
}

func undone(id, from string, ended time.Time, took time.Duration) pipeline.Deploy {
	return pipeline.Deploy{
		ID: id, Kind: pipeline.KindRollback, End: pipeline.RolledBack, From: &target.Release{ID: from},
		Began: ended.Add(-took), Ended: ended,
	}
}

func TestStatsOfNothingAreZero(t *testing.T) {
	until := statsDay.AddDate(0, 0, 1)
	require.Equal(t, pipeline.Stats{Since: statsDay, Until: until, PerDay: map[string]int{}}, pipeline.Summarize(nil, statsDay, until))
}

func TestStatsCountFromSinceToBeforeUntil(t *testing.T) {
	until := statsDay.AddDate(0, 0, 2)
	s := pipeline.Summarize([]pipeline.Deploy{
		shipped("1", statsDay.Add(-time.Nanosecond), 0), shipped("2", statsDay, 0),
		shipped("3", until.Add(-time.Nanosecond), 0), shipped("4", until, 0),
	}, statsDay, until)
	require.Equal(t, 2, s.Deploys)
	require.Equal(t, map[string]int{"2026-03-02": 1, "2026-03-03": 1}, s.PerDay)
}

func TestStatsCountDaysInTheZoneOfUntilWhenClocksChange(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	// On 1 November 2026 the day has 25 hours there: it ends at 05:00 UTC of the next.
	until := time.Date(2026, 11, 3, 0, 0, 0, 0, zone)
	since := time.Date(2026, 11, 1, 0, 0, 0, 0, zone)
	require.Equal(t, 49*time.Hour, until.Sub(since))
	s := pipeline.Summarize([]pipeline.Deploy{
		shipped("1", time.Date(2026, 11, 1, 3, 59, 0, 0, time.UTC), 0), // 31 October
		shipped("2", time.Date(2026, 11, 1, 4, 0, 0, 0, time.UTC), 0),
		shipped("3", time.Date(2026, 11, 2, 4, 59, 0, 0, time.UTC), 0),
		shipped("4", time.Date(2026, 11, 2, 5, 0, 0, 0, time.UTC), 0),
	}, since, until)
	require.Equal(t, map[string]int{"2026-11-01": 2, "2026-11-02": 1}, s.PerDay)
}

func TestLeadTimeIsTheMiddleAndTheNearestRank(t *testing.T) {
	until := statsDay.AddDate(0, 0, 1)
	lead := func(minutes ...int) pipeline.Stats {
		var all []pipeline.Deploy
		for i, m := range minutes {
			all = append(all, shipped(string(rune('a'+i)), statsDay.Add(time.Hour), time.Duration(m)*time.Minute))
		}
		return pipeline.Summarize(all, statsDay, until)
	}
	s := lead(9, 1, 5)
	require.Equal(t, 5*time.Minute, s.LeadTime)
	require.Equal(t, 9*time.Minute, s.LeadTime95)

	s = lead(1, 2, 4, 100)
	require.Equal(t, 3*time.Minute, s.LeadTime, "the mean of the two in the middle")

	twenty := make([]int, 20)
	for i := range twenty {
		twenty[i] = 20 - i
	}
	require.Equal(t, 19*time.Minute, lead(twenty...).LeadTime95, "19 of 20 are 95 of 100")
	require.Equal(t, 20*time.Minute, lead(append(twenty, 21)...).LeadTime95)

	require.Zero(t, lead(-5).LeadTime, "a commit from the future")
	require.Equal(t, 7*time.Minute, lead(7).LeadTime95)
}

func TestLeadTimeLeavesOutWhatWasNotShipped(t *testing.T) {
	unchanged := shipped("1", statsDay, time.Hour)
	unchanged.End = pipeline.Unchanged
	undated := shipped("2", statsDay, 0)
	undated.Committed = time.Time{}
	s := pipeline.Summarize([]pipeline.Deploy{unchanged, undated, shipped("3", statsDay, time.Minute)}, statsDay, statsDay.AddDate(0, 0, 1))
	require.Equal(t, 3, s.Deploys)
	require.Equal(t, time.Minute, s.LeadTime)
}

func TestADeployThatWasLiveAndThenUndoneFailedOnce(t *testing.T) {
	until := statsDay.AddDate(0, 0, 1)
	ends := func(id string, end pipeline.End) pipeline.Deploy {
		d := shipped(id, statsDay, time.Minute)
		d.End = end
		return d
	}
	cutOff := undone("6-rollback", "5", statsDay, time.Hour)
	cutOff.End = pipeline.RollbackFailed
	s := pipeline.Summarize([]pipeline.Deploy{
		ends("1", pipeline.Live), undone("2-rollback", "1", statsDay, 40*time.Second),
		ends("3", pipeline.RolledBack), undone("4-rollback", "3", statsDay, 20*time.Second),
		ends("5", pipeline.RollbackFailed), cutOff,
		ends("7", pipeline.FailedEnd),
		ends("8", pipeline.Live), ends("9", pipeline.Unchanged), ends("10", pipeline.Live), ends("11", pipeline.Live),
		ends("12", pipeline.Superseded), ends("13", pipeline.Aborted),
	}, statsDay, until)
	require.Equal(t, 4, s.Failed)
	require.InDelta(t, 0.5, s.FailureRate, 1e-9)
	require.Equal(t, 5, s.Deploys)
	require.Equal(t, 30*time.Second, s.Restore)
}

func TestTheFailureRateIsNeverAboveOne(t *testing.T) {
	s := pipeline.Summarize([]pipeline.Deploy{undone("2-rollback", "1", statsDay, time.Second)}, statsDay, statsDay.AddDate(0, 0, 1))
	require.Equal(t, 1, s.Failed)
	require.InDelta(t, 1, s.FailureRate, 1e-9)
}
