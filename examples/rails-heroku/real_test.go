//go:build integration

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/internal/partstest/teamtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/heroku"
	"github.com/muster-deploy/muster/target/heroku/herokutest"
	"github.com/muster-deploy/muster/target/local"
)

// newTeam has an app, the deployer of this example, and the fleet at the port that is
// returned.
func newTeam(t *testing.T, platform, token string) (m *teamtest.Team, port int) {
	t.Helper()
	m = teamtest.NewRails(t)
	m.Write("Procfile", "web: bundle exec puma\nrelease: bundle exec rails db:migrate\n")
	m.Write("config/initializers/muster.rb", `Rails.application.config.action_dispatch.default_headers["Muster-Artifact"] = ENV["MUSTER_ARTIFACT"]`)
	port = teamtest.Ports(t, 2)
	t.Setenv("PORT", fmt.Sprint(port))
	t.Setenv("SECRET_KEY_BASE", "not for production")
	caches := m.Built("HEROKU_APP=shop", "HEROKU_API_KEY="+token, "HEROKU_API_URL="+platform)
	t.Cleanup(func() {
		web, err := local.New(fleet(caches + "/rails-heroku"))
		require.NoError(t, err)
		require.NoError(t, web.Stop(context.Background()))
	})
	return m, port
}

// page reads the app on the fleet.
func page(t *testing.T, port int) (text, artifact string) {
	t.Helper()
	client := http.Client{Timeout: 30 * time.Second}
	r, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
	require.NoError(t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, r.StatusCode)
	return string(body), r.Header.Get("Muster-Artifact")
}

func TestRealRailsAppGoesToHerokuAndToAFleetAndBack(t *testing.T) {
	platform := herokutest.New()
	app := platform.Create("shop")
	server := httptest.NewServer(platform)
	t.Cleanup(server.Close)
	token, _ := platform.Token(t.Context())
	m, port := newTeam(t, server.URL, token)

	revision := m.Commit()
	m.Run()
	m.Live(revision)
	text, first := page(t, port)
	assert.Contains(t, text, "hello from muster")
	release := app.Current()
	assert.Contains(t, release.Description, first, "one artifact in both places")
	assert.Equal(t, "bundle exec rails db:migrate", release.Slug.Processes["release"])
	assert.Contains(t, release.Slug.Files, "config.ru")
	assert.Contains(t, release.Slug.Files, "Gemfile.lock")

	m.Edit("app/controllers/pages_controller.rb", "hello", "goodbye")
	m.Live(m.Commit())
	text, second := page(t, port)
	assert.Contains(t, text, "goodbye from muster")
	assert.NotEqual(t, first, second)
	assert.Contains(t, app.Current().Description, second)

	slugs := len(app.Slugs())
	m.Type("rollback", "-yes", "-wait", "-reason", "it says goodbye")
	text, third := page(t, port)
	assert.Contains(t, text, "hello from muster")
	assert.Equal(t, first, third)
	assert.Contains(t, app.Current().Description, first)
	assert.Len(t, app.Slugs(), slugs, "nothing was uploaded to go back")
	assert.Contains(t, m.Type("status"), "fenced by best effort only")

	shop, err := heroku.New(heroku.Config{App: "shop", API: server.URL, Token: platform.Token})
	require.NoError(t, err)
	state, err := shop.Observe(t.Context(), target.Order{})
	require.NoError(t, err)
	assert.Equal(t, target.Serving, state.Units[0].Condition)
}
