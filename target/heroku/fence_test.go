package heroku_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/heroku/herokutest"
)

// releasing breaks the n-th request for a release, counted from one, and counts them.
func (p *place) releasing(n int, f herokutest.Fault) *int {
	count := new(int)
	p.Break(func(r *http.Request) herokutest.Fault {
		if r.Method != http.MethodPost || r.URL.Path != "/apps/shop/releases" {
			return herokutest.Fault{}
		}
		if *count++; *count != n {
			return herokutest.Fault{}
		}
		return f
	})
	return count
}

func TestLaw09_FencingIsDeclaredAsWhatItIs(t *testing.T) {
	f, ok := target.As[target.Fenced](newPlace().open(t))
	require.True(t, ok)
	assert.Equal(t, target.LastSwitch, f.Fencing())
}

func TestALostAnswerIsReadBackAndNotRepeated(t *testing.T) {
	for _, f := range []herokutest.Fault{{Drop: true}, {Half: true}} {
		p := newPlace()
		app := p.open(t)
		require.NoError(t, app.Prepare(t.Context(), order(1, 1, target.Forward), numbered(1)))
		asked := p.releasing(1, f)
		require.NoError(t, app.Activate(t.Context(), order(1, 1, target.Forward)))
		assert.Equal(t, 1, *asked)
		assert.Len(t, p.shop.Releases(), 3)
	}
}

func TestARequestThatHadNoEffectIsRepeatedOnceThatIsKnown(t *testing.T) {
	for _, f := range []herokutest.Fault{{Lose: true}, {Refuse: 500}, {Refuse: 503}} {
		p := newPlace()
		app := p.open(t)
		require.NoError(t, app.Prepare(t.Context(), order(1, 1, target.Forward), numbered(1)))
		asked := p.releasing(1, f)
		require.NoError(t, app.Activate(t.Context(), order(1, 1, target.Forward)))
		assert.Equal(t, 2, *asked)
		assert.Len(t, p.shop.Releases(), 3)
	}
}

func TestARequestThatNeverHasAnEffectIsGivenUp(t *testing.T) {
	p := newPlace()
	app := p.open(t)
	ship(t, app, 1, 1)
	require.NoError(t, app.Prepare(t.Context(), order(2, 2, target.Forward), numbered(2)))
	p.Break(func(r *http.Request) (f herokutest.Fault) {
		f.Lose = r.Method == http.MethodPost
		return f
	})
	err := app.Activate(t.Context(), order(2, 2, target.Forward))
	require.ErrorContains(t, err, "POST /apps/shop/releases: herokutest: the connection was cut")
	assert.Equal(t, numbered(1).Digest, unit(t, app).Digest)
}

func TestADoubledRequestIsTwoReleasesOfOneOrder(t *testing.T) {
	p := newPlace()
	p.shop.Polls = 2
	app := p.open(t)
	require.NoError(t, app.Prepare(t.Context(), order(1, 1, target.Forward), numbered(1)))
	p.releasing(1, herokutest.Fault{Twice: true, Drop: true})
	require.NoError(t, app.Activate(t.Context(), order(1, 1, target.Forward)))
	assert.Len(t, p.shop.Releases(), 4)
	assert.Equal(t, target.Serving, unit(t, app).Condition)
}

func TestLaw09_WhatWasReleasedByAHigherOrderRefusesALowerOneOfAnyDeployer(t *testing.T) {
	p := newPlace()
	old := p.open(t)
	ship(t, old, 1, 1)
	require.NoError(t, old.Prepare(t.Context(), order(2, 2, target.Forward), numbered(2)))
	// The old deployer is asked whether it may begin, says yes, and sleeps.
	late := order(2, 2, target.Forward)
	late.Begin = func(context.Context, target.Step) error {
		ship(t, p.open(t), 7, 3)
		return nil
	}
	require.ErrorIs(t, old.Activate(t.Context(), late), target.ErrStale)
	assert.Len(t, p.shop.Releases(), 4)
	assert.Equal(t, numbered(3).Digest, unit(t, old).Digest)
}

// This is what remains, and what the documentation says of it.
func TestWhatSlipsThroughIsSeenAndMendedByTheNextOrder(t *testing.T) {
	p := newPlace()
	old, fresh := p.open(t), p.open(t)
	ship(t, old, 1, 1)
	require.NoError(t, old.Prepare(t.Context(), order(2, 2, target.Forward), numbered(2)))
	p.releasing(1, herokutest.Fault{Meanwhile: func() { ship(t, fresh, 7, 3) }})
	require.ErrorIs(t, old.Activate(t.Context(), order(2, 2, target.Forward)), target.ErrStale, "it notices at least")
	u := unit(t, fresh)
	assert.Equal(t, numbered(2).Digest, u.Digest, "the overtaken order has slipped through")
	assert.EqualValues(t, 7, u.Number, "and has not lowered the fence")
	require.NoError(t, fresh.Activate(t.Context(), order(8, 3, target.Again)))
	assert.Equal(t, numbered(3).Digest, unit(t, fresh).Digest)
}

func TestLaw09_AnOrderThatReleasesNothingIsRememberedByThisDeployerOnly(t *testing.T) {
	p := newPlace()
	app := p.open(t)
	ship(t, app, 1, 1)
	require.NoError(t, app.Prepare(t.Context(), order(2, 2, target.Forward), numbered(2)))
	before := len(p.shop.Releases())
	_, err := app.Observe(t.Context(), target.Order{Number: 9, Epoch: 2})
	require.NoError(t, err)
	require.NoError(t, app.Activate(t.Context(), order(10, 1, target.Again)))
	assert.Len(t, p.shop.Releases(), before, "each release would restart the app")
	require.ErrorIs(t, app.Activate(t.Context(), order(8, 2, target.Forward)), target.ErrStale)
	assert.EqualValues(t, 10, unit(t, app).Number)
	assert.EqualValues(t, 1, unit(t, p.open(t)).Number)
}

func TestAnOvertakenDeployerPutsNothingBack(t *testing.T) {
	p := newPlace()
	app, fresh := p.open(t), p.open(t)
	ship(t, app, 1, 1)
	p.booting(4, herokutest.Crashed)
	require.NoError(t, app.Prepare(t.Context(), order(2, 2, target.Forward), numbered(2)))
	p.Break(func(r *http.Request) (f herokutest.Fault) {
		if r.URL.Path == "/apps/shop/dynos" && p.shop.Current().Version == 4 {
			f.Meanwhile = func() { p.Break(nil); ship(t, fresh, 7, 3) }
		}
		return f
	})
	require.Error(t, app.Activate(t.Context(), order(2, 2, target.Forward)))
	assert.Equal(t, numbered(3).Digest, unit(t, fresh).Digest)
	assert.Len(t, p.shop.Releases(), 5)
}

func TestActivateRefusesNumberZero(t *testing.T) {
	require.ErrorContains(t, newPlace().open(t).Activate(t.Context(), order(0, 1, target.Forward)), "above zero")
}
