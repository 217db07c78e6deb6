package heroku_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/heroku"
	"github.com/muster-deploy/muster/target/heroku/herokutest"
)

// clearly wants an error of one unit to say something, and to name no secret.
func (p *place) clearly(t *testing.T, err error, says string) {
	t.Helper()
	require.Error(t, err)
	require.ErrorContains(t, err, says)
	token, _ := p.Token(context.Background())
	assert.NotContains(t, err.Error(), token)
	assert.NotContains(t, err.Error(), "Signature=")
}

func TestWhatHerokuRefusesSaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		what      string
		spoil     func(*place)
		says      string
		temporary bool
	}{
		{"no such app", func(p *place) { p.config.App = "shopp" }, "there is none, or the token's account does not see it", false},
		{"a suspended app", func(p *place) { p.shop.Suspend(true) }, "is suspended: ask Heroku's support", false},
		{"an expired token", func(p *place) {
			old, _ := p.Token(context.Background())
			p.config.Token = func(context.Context) (string, error) { return old, nil }
			p.Expire()
		}, "the token is wrong, revoked or expired: make another", false},
		{"no requests left", func(p *place) { p.Limit(0) }, "used up its requests of this hour", true},
		{"trouble at Heroku", func(p *place) {
			p.Break(func(*http.Request) herokutest.Fault { return herokutest.Fault{Refuse: 503} })
		}, "see https://status.heroku.com", true},
		{"an account that may not", func(p *place) {
			p.Break(func(*http.Request) herokutest.Fault { return herokutest.Fault{Refuse: 403} })
		}, "heroku access:add", false},
		{"an account that owes", func(p *place) {
			p.Break(func(*http.Request) herokutest.Fault { return herokutest.Fault{Refuse: 402} })
		}, "has to be paid for", false},
		{"half answers", func(p *place) {
			p.Break(func(*http.Request) herokutest.Fault { return herokutest.Fault{Half: true} })
		}, "read half an answer", true},
		{"no answers", func(p *place) {
			p.Break(func(*http.Request) herokutest.Fault { return herokutest.Fault{Drop: true} })
		}, "the connection was cut", true},
		{"no token", func(p *place) {
			p.config.Token = func(context.Context) (string, error) { return "", errors.New("the vault is sealed") }
		}, "get the token for Heroku: the vault is sealed", false},
	} {
		t.Run(c.what, func(t *testing.T) {
			p := newPlace()
			ship(t, p.open(t), 1, 1)
			c.spoil(p)
			app := p.open(t)
			for what, err := range map[string]error{
				"prepare":  app.Prepare(t.Context(), order(2, 2, target.Forward), numbered(2)),
				"activate": app.Activate(t.Context(), order(2, 2, target.Forward)),
			} {
				p.clearly(t, err, c.says)
				var u *target.UnitError
				require.ErrorAs(t, err, &u, what)
				var temporary interface{ Temporary() bool }
				assert.Equal(t, c.temporary, errors.As(err, &temporary) && temporary.Temporary(), what)
			}
			u := unit(t, app)
			assert.Equal(t, target.Unknown, u.Condition)
			assert.Empty(t, u.Digest)
			assert.Contains(t, u.Problem, c.says)
			assert.Len(t, p.shop.Releases(), 3)
		})
	}
}

func TestMaintenanceModeIsAClearErrorButNotForARollback(t *testing.T) {
	p := newPlace()
	app := p.open(t)
	ship(t, app, 1, 1)
	ship(t, app, 2, 2)
	p.shop.Maintain(true)
	require.NoError(t, app.Prepare(t.Context(), order(3, 3, target.Forward), numbered(3)))
	p.clearly(t, app.Activate(t.Context(), order(3, 3, target.Forward)), "maintenance mode, in which nobody sees whether it serves: heroku maintenance:off")
	u := unit(t, app)
	assert.Equal(t, target.Unhealthy, u.Condition)
	assert.Equal(t, numbered(2).Digest, u.Digest)
	assert.Contains(t, u.Problem, "maintenance:off")
	assert.Len(t, p.shop.Releases(), 4)

	require.NoError(t, app.Activate(t.Context(), order(4, 1, target.Backward)), "it is the emergency exit")
	p.shop.Maintain(false)
	u = unit(t, app)
	assert.Equal(t, numbered(1).Digest, u.Digest)
	assert.Equal(t, target.Serving, u.Condition)
}

func TestAProcfileIsNeededAndUnderstood(t *testing.T) {
	for text, says := range map[string]string{
		"":                          "the artifact has no Procfile",
		"# nothing yet\n":           "the Procfile names no process",
		"web puma\nworker sidekiq ": "the Procfile names no process",
	} {
		files := map[string]string{"app.rb": "1"}
		if text != "" {
			files["Procfile"] = text
		}
		a := buildtest.Artifact(files)
		p := newPlace()
		p.clearly(t, p.open(t).Prepare(t.Context(), target.Order{Number: 1, Release: target.Release{Digest: a.Digest}}, a), says)
		assert.Empty(t, p.shop.Slugs())
	}
	a := buildtest.Artifact(map[string]string{"Procfile": "# comment\r\nweb: bundle exec puma -p $PORT \r\n\r\nsidekiq-1:\tbundle exec sidekiq\r\n"})
	p := newPlace()
	require.NoError(t, p.open(t).Prepare(t.Context(), target.Order{Number: 1, Release: target.Release{Digest: a.Digest}}, a))
	assert.Equal(t, map[string]string{"web": "bundle exec puma -p $PORT", "sidekiq-1": "bundle exec sidekiq"}, p.shop.Slugs()[0].Processes)
}

// A slug that Heroku itself finds too large: the limit is another one there.
func TestASlugThatHerokuFindsTooLargeIsAClearError(t *testing.T) {
	p := newPlace()
	app := p.open(t)
	p.LimitSlugs(10)
	require.NoError(t, app.Prepare(t.Context(), order(1, 1, target.Forward), numbered(1)))
	err := app.Activate(t.Context(), order(1, 1, target.Forward))
	p.clearly(t, err, "Heroku takes the request for invalid: its sentence says what to change")
	require.ErrorContains(t, err, "is too large (max is 10)")
}

func TestAnUploadThatFailsIsNoSlug(t *testing.T) {
	p := newPlace()
	app := p.open(t)
	var tries atomic.Int64 // requests come side by side
	p.Break(func(r *http.Request) (f herokutest.Fault) {
		if strings.HasPrefix(r.URL.Path, "/blobs/") {
			tries.Add(1)
			f.Refuse = 403
		}
		return f
	})
	p.clearly(t, app.Prepare(t.Context(), order(1, 1, target.Forward), numbered(1)), "the storage behind Heroku answers 403")
	assert.EqualValues(t, 1, tries.Load())
	require.ErrorIs(t, app.Activate(t.Context(), order(1, 1, target.Forward)), target.ErrUnprepared)
	p.Break(func(r *http.Request) (f herokutest.Fault) {
		if n := tries.Add(1); strings.HasPrefix(r.URL.Path, "/blobs/") && n < 7 {
			f.Drop = true
		}
		return f
	})
	ship(t, app, 1, 1)
}

func TestASlugThatIsGoneIsUnprepared(t *testing.T) {
	p := newPlace()
	app := p.open(t)
	ship(t, app, 1, 1)
	p.releasing(1, herokutest.Fault{Refuse: 404})
	require.NoError(t, app.Prepare(t.Context(), order(2, 2, target.Forward), numbered(2)))
	require.ErrorIs(t, app.Activate(t.Context(), order(2, 2, target.Forward)), target.ErrUnprepared)
	ship(t, app, 2, 2)
	assert.Len(t, p.shop.Slugs(), 3, "it was uploaded once more")
}

func TestFewRequestsAreSpentSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := slow()
		app := p.open(t)
		unit(t, app)
		began := time.Now()
		unit(t, app)
		assert.Zero(t, time.Since(began))
		p.Limit(50)
		unit(t, app) // hears of it
		began = time.Now()
		unit(t, app)
		assert.GreaterOrEqual(t, time.Since(began), 3*time.Second)
		p.Limit(herokutest.Hourly)
		unit(t, app)
		began = time.Now()
		unit(t, app)
		assert.Zero(t, time.Since(began))
	})
}

func TestALimitThatPassesIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := slow()
		app := p.open(t)
		p.Limit(0)
		time.AfterFunc(10*time.Second, func() { p.Limit(herokutest.Hourly) })
		assert.Equal(t, target.Vacant, unit(t, app).Condition)
	})
}

func TestLaw14_NothingSecretIsAskedForOrTold(t *testing.T) {
	p := newPlace()
	p.shop.Polls = 1
	app := p.open(t)
	var told strings.Builder
	o := order(1, 1, target.Forward)
	o.Report = func(pr target.Progress) { fmt.Fprintln(&told, pr) }
	require.NoError(t, app.Prepare(t.Context(), o, numbered(1)))
	require.NoError(t, app.Activate(t.Context(), o))
	unit(t, app)
	for _, r := range p.Requests() {
		assert.NotContains(t, r, "config-vars")
	}
	token, _ := p.Token(context.Background())
	assert.NotContains(t, told.String(), token)
	assert.NotContains(t, told.String(), "Signature=")
}

func TestAllComplaintsOfAConfigComeAtOnce(t *testing.T) {
	_, err := heroku.New(heroku.Config{App: "a/b", HealthPath: "up", Interval: -1, API: "not an address"})
	for _, says := range []string{`App is "a/b"`, "Token is nil", `HealthPath is "up"`, "below zero", "API is no plain address"} {
		require.ErrorContains(t, err, says)
	}
}
