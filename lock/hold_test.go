package lock

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func aHold() Hold {
	return Hold{
		ID: "h1", Scope: Pipeline("web"), Level: Deploys,
		By: "on-call", Reason: "db migration", Since: noon, Until: noon.Add(5 * time.Hour),
	}
}

func TestAScopeCoversItsPipelinesAndNoOthers(t *testing.T) {
	for _, c := range []struct {
		scope    Scope
		pipeline string
		covers   bool
	}{
		{All, "web", true},
		{All, "payments/web", true},
		{Pipeline("web"), "web", true},
		{Pipeline("web"), "web2", false},
		{Pipeline("web"), "payments/web", false},
		{Prefix("payments/"), "payments/web", true},
		{Prefix("payments/"), "payments", false},
		{Prefix("payments/"), "web", false},
		{Prefix(""), "web", false},
		{"", "web", false},
		{"", "", false},
		{"web", "web", false},
		{"ALL", "web", false},
		{Pipeline("all"), "web", false},
	} {
		assert.Equal(t, c.covers, c.scope.Covers(c.pipeline), "%q covers %q", c.scope, c.pipeline)
	}
}

func TestAHoldHoldsFromSinceIncludedToUntilExcluded(t *testing.T) {
	h := aHold()
	assert.False(t, h.Active(h.Since.Add(-1)))
	assert.True(t, h.Active(h.Since))
	assert.True(t, h.Active(h.Until.Add(-1)))
	assert.False(t, h.Active(h.Until))

	h.Until = time.Time{}
	assert.True(t, h.Active(h.Since.AddDate(100, 0, 0)), "without an end it holds for ever")
}

func TestAHoldSaysItselfAsASentencesEnd(t *testing.T) {
	berlin := time.FixedZone("CEST", 2*60*60)
	for want, change := range map[string]func(*Hold){
		`held by on-call: "db migration" until 17:00 UTC`:            func(*Hold) {},
		`held by on-call: "db migration"`:                            func(h *Hold) { h.Until = time.Time{} },
		`held entirely by on-call: "db migration" until 17:00 UTC`:   func(h *Hold) { h.Level = Everything },
		`held by on-call: "db migration" until Sat 2 May 09:00 UTC`:  func(h *Hold) { h.Until = noon.Add(21 * time.Hour) },
		`held by on-call: "db migration" until Sat 1 May 17:00 UTC`:  func(h *Hold) { h.Until = time.Date(2027, 5, 1, 17, 0, 0, 0, time.UTC) },
		`held by on-call: "db migration" until 19:00 CEST`:           func(h *Hold) { h.Until = h.Until.In(berlin) },
		`held by on-call: "db migration" until Sat 2 May 01:00 CEST`: func(h *Hold) { h.Until = noon.Add(11 * time.Hour).In(berlin) },
		`held by on-call: "say \"no\"\nand mean it" until 17:00 UTC`: func(h *Hold) { h.Reason = "say \"no\"\nand mean it" },
	} {
		h := aHold()
		change(&h)
		assert.Equal(t, want, h.String())
	}
}

func TestAValidHoldHasNoComplaints(t *testing.T) {
	for _, change := range []func(*Hold){
		func(*Hold) {},
		func(h *Hold) { h.Until = time.Time{} },
		func(h *Hold) { h.Scope = All },
		func(h *Hold) { h.Scope = Prefix("payments/") },
		func(h *Hold) { h.Level, h.Source = Everything, "holidays" },
		func(h *Hold) { h.Reason = strings.Repeat("x", MaxReason) },
	} {
		h := aHold()
		change(&h)
		assert.NoError(t, h.Validate())
	}
}

func TestAnInvalidHoldHearsAllComplaintsAtOnce(t *testing.T) {
	err := Hold{Until: noon, Since: noon}.Validate()
	require.Error(t, err)
	for _, complaint := range []string{
		"hold has no id", `scope ""`, `level ""`, "who holds", "no reason", "ends at 2026-05-01T12:00:00Z, before it begins",
	} {
		assert.ErrorContains(t, err, complaint)
	}
	assert.Len(t, strings.Split(err.Error(), "\n"), 6)

	long := strings.Repeat("x", MaxReason+1)
	err = Hold{ID: long, Scope: Pipeline(long), Level: Deploys, By: long, Reason: long, Source: long, Since: noon}.Validate()
	require.Error(t, err)
	assert.Len(t, strings.Split(err.Error(), "\n"), 5, "each text that is too long")

	for _, scope := range []Scope{"", "web", "pipeline:", "prefix:", "All"} {
		h := aHold()
		h.Scope = scope
		assert.ErrorContains(t, h.Validate(), "scope")
	}
	h := aHold()
	h.By, h.Reason = " \t", "\n"
	assert.Len(t, strings.Split(h.Validate().Error(), "\n"), 2, "blanks are no words")
}

func TestAHoldSurvivesJSON(t *testing.T) {
	endless := aHold()
	endless.Until = time.Time{}
	for _, h := range []Hold{aHold(), endless} {
		data, err := json.Marshal(h)
		require.NoError(t, err)
		var back Hold
		require.NoError(t, json.Unmarshal(data, &back))
		assert.Equal(t, h, back)
	}
}
