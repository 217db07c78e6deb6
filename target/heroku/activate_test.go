package heroku_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/heroku/herokutest"
)

// slow makes the place as slow as Heroku is, in virtual time.
func slow() *place {
	p := newPlace()
	p.config.Interval, p.config.Patience = 0, 0
	p.shop.Polls = 3
	return p
}

func TestASlugIsMadeOfTheArtifactAndUploadedOncePerDigest(t *testing.T) {
	p := newPlace()
	app := p.open(t)
	for number := range uint64(3) {
		require.NoError(t, app.Prepare(t.Context(), order(1+number, 1, target.Forward), numbered(1)))
	}
	slugs := p.shop.Slugs()
	require.Len(t, slugs, 1)
	s := slugs[0]
	assert.True(t, s.Uploaded)
	assert.Equal(t, map[string]string{"web": "./shop", "worker": "./shop work"}, s.Processes)
	assert.Equal(t, "heroku-24", s.Stack, "the app's")
	assert.Equal(t, order(1, 1, "").Release.Revision, s.Commit)
	assert.Equal(t, map[string]int64{"Procfile": 32, "n": 1}, s.Files)

	require.NoError(t, app.Activate(t.Context(), order(4, 1, target.Forward)))
	p.config.Stack = "heroku-26"
	other := p.open(t) // knows of the slug by the release
	require.NoError(t, other.Prepare(t.Context(), order(5, 1, target.Forward), numbered(1)))
	require.Len(t, p.shop.Slugs(), 1)
	require.NoError(t, other.Prepare(t.Context(), order(5, 2, target.Forward), numbered(2)))
	require.Len(t, p.shop.Slugs(), 2)
	for _, s := range p.shop.Slugs() {
		if s.Commit == order(1, 2, "").Release.Revision {
			assert.Equal(t, "heroku-26", s.Stack)
		}
	}
}

func TestTwoSlugsOfOneArtifactAreEqualToTheByte(t *testing.T) {
	p := newPlace()
	for range 2 { // the second one does not know of the first
		require.NoError(t, p.open(t).Prepare(t.Context(), order(1, 1, target.Forward), numbered(1)))
	}
	slugs := p.shop.Slugs()
	require.Len(t, slugs, 2)
	assert.Equal(t, slugs[0].Checksum, slugs[1].Checksum)
	assert.NotEmpty(t, slugs[0].Checksum)
}

func TestADescriptionSaysWhatItIsToPeopleToo(t *testing.T) {
	p := newPlace()
	app := p.open(t)
	ship(t, app, 1, 1)
	ship(t, app, 2, 2)
	require.NoError(t, app.Activate(t.Context(), order(3, 1, target.Backward)))
	var said []string
	for _, r := range p.shop.Releases()[2:] {
		said = append(said, strings.ReplaceAll(strings.ReplaceAll(r.Description, numbered(1).Digest, "one"), numbered(2).Digest, "two"))
	}
	assert.Equal(t, []string{
		"Deploy 1-0000001 [muster 1.1 one]", "Deploy 2-0000002 [muster 2.1 two]", "Roll back to 1-0000001 [muster 3.1 one]",
	}, said)
}

func TestLaw07_ARollbackReleasesAnOlderSlugAndUploadsNothing(t *testing.T) {
	p := newPlace()
	app := p.open(t)
	ship(t, app, 1, 1)
	slug := p.shop.Current().Slug.ID
	ship(t, app, 2, 2)
	p.shop.Configure("FOO")
	before := len(p.Requests())
	require.NoError(t, p.open(t).Activate(t.Context(), order(3, 1, target.Backward)))
	for _, r := range p.Requests()[before:] {
		assert.NotContains(t, r, "slugs")
		assert.NotContains(t, r, "blobs")
	}
	assert.Equal(t, slug, p.shop.Current().Slug.ID)
}

func TestARollbackFindsASlugOnTheLastPage(t *testing.T) {
	p := newPlace()
	app := p.open(t)
	ship(t, app, 1, 1)
	ship(t, app, 2, 2)
	for range 350 {
		p.shop.Configure("FOO")
	}
	app = p.open(t)
	u := unit(t, app)
	assert.Equal(t, numbered(2).Digest, u.Digest, "config vars are no drift")
	assert.Equal(t, target.Serving, u.Condition)
	assert.EqualValues(t, 2, u.Number)
	require.NoError(t, app.Activate(t.Context(), order(3, 1, target.Backward)))
	assert.Equal(t, numbered(1).Digest, unit(t, app).Digest)
}

func TestWhatAPersonReleasedIsToldByItsSlug(t *testing.T) {
	p := newPlace()
	app := p.open(t)
	assert.Equal(t, target.Vacant, unit(t, app).Condition)
	p.shop.Push("Deploy 3f9a1c0e")
	assert.Equal(t, target.Vacant, unit(t, app).Condition, "what runs before muster came is not its own")
	ship(t, app, 1, 1)
	first := p.shop.Current().Version
	ship(t, app, 2, 2)
	p.shop.Rollback(first)
	assert.Equal(t, numbered(1).Digest, unit(t, app).Digest)
	p.shop.Push("Deploy 3f9a1c0f")
	u := unit(t, app)
	assert.Equal(t, target.Unhealthy, u.Condition)
	assert.Contains(t, u.Problem, `was not released by muster: "Deploy 3f9a1c0f"`)
	require.NoError(t, app.Activate(t.Context(), order(3, 2, target.Again)))
	assert.Equal(t, target.Serving, unit(t, app).Condition)
}

func TestActivateWaitsForAllDynosAndAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := slow()
		app := p.open(t)
		ship(t, app, 1, 1)
		p.shop.Scale("web", 3)
		p.shop.Scale("worker", 2)
		p.shop.Preboot = true
		var told []string
		o := order(2, 2, target.Forward)
		o.Report = func(pr target.Progress) { told = append(told, pr.Phase+": "+pr.Message) }
		require.NoError(t, app.Prepare(t.Context(), o, numbered(2)))
		began := time.Now()
		require.NoError(t, app.Activate(t.Context(), o))
		assert.Equal(t, 9*time.Second, time.Since(began))
		assert.Contains(t, told, "confirm: 0 of 3 web dynos run v4, web.3 of v3 is up")
		assert.Equal(t, "done: ", told[len(told)-1])
		assert.Equal(t, target.Serving, unit(t, app).Condition)
	})
}

func TestAnAppThatDoesNotAnswerIsPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := slow()
		p.config.HealthPath = "/health"
		p.shop.Web = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/health" || len(p.shop.Releases()) == 4 {
				http.Error(w, "no", http.StatusInternalServerError)
			}
		})
		app := p.open(t)
		ship(t, app, 1, 1)
		require.NoError(t, app.Prepare(t.Context(), order(2, 2, target.Forward), numbered(2)))
		err := app.Activate(t.Context(), order(2, 2, target.Forward))
		require.ErrorContains(t, err, "activate 2-0000002: shop: v4 does not serve after 5m")
		require.ErrorContains(t, err, "it answers /health with 500 Internal Server Error, want 200")
		assert.Equal(t, numbered(1).Digest, unit(t, app).Digest)
		assert.Equal(t, numbered(1).Digest, unit(t, p.open(t)).Digest, "as others read it")
		last := p.shop.Current().Description
		assert.Equal(t, "Put back what ran before 2-0000002 [muster 2.1 "+numbered(2).Digest+", put back]", last)
	})
}

// booting has the dynos of a version come to a state.
func (p *place) booting(version int, s herokutest.State) {
	p.shop.Boot = func(r herokutest.Release, dyno string) herokutest.State {
		if r.Version == version && dyno == "web.1" {
			return s
		}
		return herokutest.Up
	}
}

func TestADynoThatCrashesOrHangsAtBootIsPutBack(t *testing.T) {
	for _, c := range []struct {
		state herokutest.State
		says  string
		after time.Duration
	}{
		{herokutest.Crashed, "web.1 of v4 has crashed: its log says why, heroku logs --dyno-name web.1", 9 * time.Second},
		{herokutest.Starting, "0 of 1 web dynos run v4, web.1 of v4 is starting", 5 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := slow()
			p.booting(4, c.state)
			app := p.open(t)
			ship(t, app, 1, 1)
			require.NoError(t, app.Prepare(t.Context(), order(2, 2, target.Forward), numbered(2)))
			began := time.Now()
			err := app.Activate(t.Context(), order(2, 2, target.Forward))
			var u *target.UnitError
			require.ErrorAs(t, err, &u)
			assert.Equal(t, "shop", u.Unit)
			require.ErrorContains(t, err, c.says)
			assert.GreaterOrEqual(t, time.Since(began), c.after)
			got := unit(t, app)
			assert.Equal(t, numbered(1).Digest, got.Digest)
			assert.Equal(t, target.Serving, got.Condition)
			assert.Equal(t, 5, p.shop.Current().Version)

			// The order that failed may come again, and a later one as well.
			require.NoError(t, app.Activate(t.Context(), order(2, 2, target.Forward)))
		})
	}
}

func TestTheFirstReleaseThatCrashesHasNothingToGoBackTo(t *testing.T) {
	p := newPlace()
	p.booting(3, herokutest.Crashed)
	app := p.open(t)
	require.NoError(t, app.Prepare(t.Context(), order(1, 1, target.Forward), numbered(1)))
	err := app.Activate(t.Context(), order(1, 1, target.Forward))
	require.ErrorContains(t, err, "web.1 of v3 has crashed")
	assert.NotContains(t, err.Error(), "put back")
	u := unit(t, app)
	assert.Equal(t, target.Unhealthy, u.Condition)
	assert.Equal(t, numbered(1).Digest, u.Digest)
	assert.Contains(t, u.Problem, "crashed")
	assert.Len(t, p.shop.Releases(), 3)
	assert.NotContains(t, p.Requests()[len(p.Requests())-5:], "POST /apps/shop/releases")
}

// migrating is an app with a release phase.
func migrating(n string) map[string]string {
	return map[string]string{"Procfile": "web: ./shop\nrelease: ./shop migrate\n", "n": n}
}

// migrate ships an app with a release phase, and returns what was told of it.
func migrate(t *testing.T, app target.Target, number uint64, n string) (told []string, err error) {
	t.Helper()
	a := buildtest.Artifact(migrating(n))
	o := target.Order{Number: number, Release: target.Release{ID: n, Digest: a.Digest}}
	o.Report = func(p target.Progress) {
		if p.Phase == "release" {
			told = append(told, p.Message)
		}
	}
	require.NoError(t, app.Prepare(t.Context(), o, a))
	return told, app.Activate(t.Context(), o)
}

func TestAReleasePhaseIsReportedWithTheEndOfItsOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := slow()
		p.shop.Phase = func(herokutest.Release) (string, bool) {
			return strings.Repeat("== a line that scrolls by\n", 1000) + "connected to postgres://shop:hunter2@db/shop\n== CreateOrders: migrated\n", true
		}
		told, err := migrate(t, p.open(t), 1, "one")
		require.NoError(t, err)
		assert.Equal(t, "its release phase has not ended", told[0])
		end := told[len(told)-1]
		assert.True(t, strings.HasSuffix(end, "connected to postgres://shop:[secret]@db/shop\n== CreateOrders: migrated"), end)
		assert.LessOrEqual(t, len(end), 4096)
	})
}

func TestAReleasePhaseThatFailsSwitchesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := slow()
		p.shop.Phase = func(r herokutest.Release) (string, bool) { return "PG::UndefinedTable\n", r.Version != 4 }
		app := p.open(t)
		_, err := migrate(t, app, 1, "one")
		require.NoError(t, err)
		live := unit(t, app)
		_, err = migrate(t, app, 2, "two")
		require.ErrorContains(t, err, "the release phase of v4 has failed, and v3 goes on: PG::UndefinedTable")
		assert.Len(t, p.shop.Releases(), 4, "nothing was put back")
		u := unit(t, app)
		assert.Equal(t, live.Digest, u.Digest)
		assert.Equal(t, target.Serving, u.Condition)
		assert.EqualValues(t, 2, u.Number, "the failed release is an order all the same")
	})
}

func TestAReleasePhaseThatNeverEndsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := slow()
		p.shop.Polls = 1 << 30
		_, err := migrate(t, p.open(t), 1, "one")
		require.ErrorContains(t, err, "v3 does not serve after 1h0m0s: its release phase has not ended")
	})
}

func TestSomebodyElsesReleaseMeanwhileEndsTheWait(t *testing.T) {
	p := newPlace()
	app := p.open(t)
	require.NoError(t, app.Prepare(t.Context(), order(1, 1, target.Forward), numbered(1)))
	p.Break(func(r *http.Request) (f herokutest.Fault) {
		if r.URL.Path == "/apps/shop/dynos" && p.shop.Current().Version == 3 {
			f.Meanwhile = func() { p.shop.Push("Deploy by hand") }
		}
		return f
	})
	require.ErrorContains(t, app.Activate(t.Context(), order(1, 1, target.Forward)), `v4 was released meanwhile by somebody else: "Deploy by hand"`)
	assert.Equal(t, 4, p.shop.Current().Version)
}

func TestAChangeOfConfigVarsMeanwhileIsWaitedForToo(t *testing.T) {
	p := newPlace()
	p.shop.Polls = 2
	app := p.open(t)
	require.NoError(t, app.Prepare(t.Context(), order(1, 1, target.Forward), numbered(1)))
	done := false
	p.Break(func(r *http.Request) (f herokutest.Fault) {
		if r.URL.Path == "/apps/shop/releases" && r.Method == "GET" && p.shop.Current().Version == 3 && !done {
			done = true
			p.shop.Configure("FOO")
		}
		return f
	})
	require.NoError(t, app.Activate(t.Context(), order(1, 1, target.Forward)))
	assert.Equal(t, 4, p.shop.Current().Version)
}

func TestAnEndedContextLeavesWhatItReleased(t *testing.T) {
	p := newPlace()
	p.shop.Polls = 1 << 30
	app := p.open(t)
	require.NoError(t, app.Prepare(t.Context(), order(1, 1, target.Forward), numbered(1)))
	ctx, cancel := context.WithCancelCause(t.Context())
	lost := errors.New("the lease is lost")
	o := order(1, 1, target.Forward)
	o.Report = func(pr target.Progress) { cancel(lost) }
	require.ErrorIs(t, app.Activate(ctx, o), lost)
	assert.Len(t, p.shop.Releases(), 3, "nothing was put back")
}

func TestAnAppWithoutWebDynosNeedNotAnswer(t *testing.T) {
	p := newPlace()
	p.shop.Scale("web", 0)
	p.shop.Scale("worker", 1)
	app := p.open(t)
	ship(t, app, 1, 1)
	assert.Equal(t, target.Serving, unit(t, app).Condition)
	for _, r := range p.Requests() {
		assert.NotContains(t, r, "/web/")
	}
	p.shop.Scale("worker", 0)
	assert.Contains(t, unit(t, app).Problem, "heroku ps:scale web=1")
}
