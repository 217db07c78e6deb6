package lock

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLaw04_LiftingOneHoldByIDLiftsNoOther(t *testing.T) {
	var all Holds
	for i := range 6 {
		h := aHold() // the same author, scope, reason and times: only the id differs
		h.ID = strconv.Itoa(i)
		var err error
		all, err = all.With(h)
		require.NoError(t, err)
	}
	before := slices.Clone(all)
	for i, lifted := range all {
		rest, there := all.Without(lifted.ID)
		assert.True(t, there)
		assert.Equal(t, slices.Concat(before[:i], before[i+1:]), rest)
		assert.Equal(t, before, all, "the set itself stays as it was")
		assert.NotEmpty(t, rest.Active(noon, "web"), "what is left still holds")

		again, there := rest.Without(lifted.ID)
		assert.False(t, there, "lifting twice lifts once")
		assert.Equal(t, rest, again)
	}
}

func TestLaw04_NothingOverwritesAPersonsWords(t *testing.T) {
	set, err := Holds(nil).With(aHold())
	require.NoError(t, err)
	other := aHold()
	other.By, other.Reason, other.Level = "robot", "freeze", Everything
	same, err := set.With(other)
	assert.ErrorContains(t, err, `id "h1" is taken: held by on-call: "db migration"`)
	assert.Equal(t, set, same)
}

func TestASetRefusesAHoldThatIsNotValid(t *testing.T) {
	h := aHold()
	h.Reason = ""
	set, err := Holds(nil).With(h)
	assert.ErrorContains(t, err, "no reason")
	assert.Empty(t, set)
}

func TestTheActiveHoldsOfAPipelineAreThoseThatCoverItNow(t *testing.T) {
	hold := func(id string, s Scope, since, until time.Time) Hold {
		h := aHold()
		h.ID, h.Scope, h.Since, h.Until = id, s, since, until
		return h
	}
	hour := time.Hour
	set := Holds{
		hold("mine", Pipeline("payments/web"), noon, noon.Add(hour)),
		hold("team's", Prefix("payments/"), noon, time.Time{}),
		hold("everybody's", All, noon, noon.Add(hour)),
		hold("another's", Pipeline("search"), noon, noon.Add(hour)),
		hold("expired", All, noon.Add(-hour), noon),
		hold("to come", All, noon.Add(hour), time.Time{}),
	}
	ids := func(hs Holds) (ids []string) {
		for _, h := range hs {
			ids = append(ids, h.ID)
		}
		return ids
	}
	assert.Equal(t, []string{"mine", "team's", "everybody's"}, ids(set.Active(noon, "payments/web")))
	assert.Equal(t, []string{"everybody's", "another's"}, ids(set.Active(noon, "search")))
	assert.Equal(t, []string{"team's", "to come"}, ids(set.Active(noon.Add(hour), "payments/web")))
}

func TestAHoldOnDeploysLetsARollbackThrough(t *testing.T) {
	everything := aHold()
	everything.ID, everything.Level = "h2", Everything
	set := Holds{aHold(), everything}
	assert.Equal(t, set, set.Stopping(Deploys))
	assert.Equal(t, Holds{everything}, set.Stopping(Everything))
	assert.Empty(t, set[:1].Stopping(Everything))

	h, ok := set.Get("h2")
	assert.True(t, ok)
	assert.Equal(t, everything, h)
	_, ok = set.Get("h3")
	assert.False(t, ok)
}
