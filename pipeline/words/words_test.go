package words_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
	"github.com/muster-deploy/muster/target"
)

var now = time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC)

func TestTextOfOthersIsOneLineWithoutWhatATerminalActsUpon(t *testing.T) {
	for in, want := range map[string]string{
		"fix\x1b[31m it\x1b]0;title\x07":  "fix it",
		"two\nlines\ttab":                 "two lines tab",
		"turned \u202eback, zero\u200b ":  "turned back, zero ",
		"bad \xff byte":                   "bad \ufffd byte",
		"<b>HTML stays as it is</b> & so": "<b>HTML stays as it is</b> & so",
	} {
		assert.Equal(t, want, words.Clean(in), "%q", in)
	}
	assert.Equal(t, "a\nb", words.CleanLines("a\n\x1b[2Jb\r"))
	assert.Equal(t, `by "ann"`, words.Say("by %q", "a\x07nn"))
}

func TestTimesAreAsShortAsCanBe(t *testing.T) {
	assert.Equal(t, "12:00", words.When(now, now.Add(-150*time.Minute)))
	assert.Equal(t, "Sun 14:30", words.When(now, now.AddDate(0, 0, -1)))
	assert.Equal(t, "2 Feb 2026 14:30", words.When(now, now.AddDate(0, -1, 0)))
	assert.Equal(t, "just now", words.Ago(now, now.Add(time.Hour)), "a clock that goes ahead")
	assert.Equal(t, "1 day ago", words.Ago(now, now.Add(-25*time.Hour)))
	assert.Equal(t, "1m 5s", words.Took(65*time.Second))
	assert.Equal(t, "2 batches", words.Count(2, "batch"))
	assert.Equal(t, "abc", words.Short("abc"))
}

func TestHoldsUnitsAndTargetsAreSaid(t *testing.T) {
	h := lock.Hold{By: "ann", Reason: "db migration", Level: lock.Everything, Until: now}
	assert.Equal(t, `by ann: "db migration" until Mon 2 Mar 14:30 UTC, rollbacks too`, words.Hold(h, time.UTC))
	assert.Equal(t, "a is not answering", words.Unit(target.Unit{Name: "a", Condition: target.Unknown}))
	assert.Equal(t, "a serves something else", words.Unit(target.Unit{Name: "a", Condition: target.Serving}))
	p := pipeline.TargetProgress{Batch: 1, Batches: 3, Failed: []target.Unit{{Name: "a", Problem: "no"}}}
	assert.Equal(t, "web batch 1 of 3, 1 unit failed: a, no", words.Target("web", p))
	assert.Equal(t, "all pipelines of this store", words.Scope(lock.All))
	assert.Equal(t, "deploys of a", words.Scope(lock.Pipeline("a")))
	assert.Equal(t, "all pipelines whose names begin with a/", words.Scope(lock.Prefix("a/")))
}

func TestDifferencesSayWhatHappenedBetweenTwoLooks(t *testing.T) {
	at := func(batch int, done bool) pipeline.Status {
		return pipeline.Status{Name: "web", Reason: pipeline.Reason{Sentence: "deploying 2-b"}, Open: &pipeline.Attempt{ID: "2-b",
			Stages: map[string]*pipeline.StageProgress{"production": {Done: done, Targets: map[string]pipeline.TargetProgress{
				"fleet": {Batch: batch, Batches: 2, Done: done}}}}}}
	}
	kinds := func(events []pipeline.Event) (all []pipeline.EventKind) {
		for _, e := range events {
			require.Equal(t, "web", e.Pipeline)
			all = append(all, e.Kind)
		}
		return all
	}
	quiet := pipeline.Status{Name: "web", Reason: pipeline.Reason{Sentence: "up to date"}}
	assert.Equal(t, []pipeline.EventKind{pipeline.EventBegan, pipeline.EventBatch}, kinds(words.Differences(quiet, at(1, false))))
	assert.Empty(t, words.Differences(at(1, false), at(1, false)))
	assert.Equal(t, []pipeline.EventKind{pipeline.EventBatch, pipeline.EventStage, pipeline.EventStage}, kinds(words.Differences(at(1, false), at(2, true))))
	assert.Equal(t, []pipeline.EventKind{pipeline.EventReason}, kinds(words.Differences(at(2, true), quiet)))
}

func TestAWayBackIsOlderDifferentAndNotQuarantined(t *testing.T) {
	served := func(id, digest string) pipeline.Served {
		return pipeline.Served{Release: target.Release{ID: id, Revision: "rev " + id, Digest: digest}}
	}
	s := pipeline.Status{Served: []pipeline.Served{served("1", "x"), served("2", "bad"), served("3", "y"), served("4", "y")},
		Excluded: []pipeline.Excluded{{Revision: "rev 2"}}}
	assert.Equal(t, "1", words.WayBack(s, "4"))
	assert.Empty(t, words.WayBack(s, "1"))
	assert.Empty(t, words.WayBack(s, "9"))
}
