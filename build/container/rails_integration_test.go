//go:build integration

package container_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/build/container"
	"github.com/muster-deploy/muster/build/rails"
	"github.com/muster-deploy/muster/internal/partstest"
)

// apps is a source of the two Rails apps, by a revision that begins with the version
// of Ruby without its dot.
type apps struct{ gems map[string]string }

func newApps(t *testing.T) apps {
	t.Helper()
	a := apps{gems: map[string]string{}}
	for _, version := range []string{"2.7", "3.3"} {
		s := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(partstest.Dir(t, "containers"), "source-"+version))))
		t.Cleanup(s.Close)
		a.gems[version] = s.URL
	}
	return a
}

func revision(version, change string) string {
	r := strings.ReplaceAll(version, ".", "") + change
	return r + strings.Repeat("0", 40-len(r))
}

func (a apps) Checkout(_ context.Context, revision, dir string) error {
	version := revision[:1] + "." + revision[1:2]
	part := filepath.Join(os.Getenv("CONTAINERS_CONF"), "../app-"+version)
	err := os.CopyFS(dir, os.DirFS(part))
	for _, name := range []string{"Gemfile", "Gemfile.lock"} {
		text, readErr := os.ReadFile(filepath.Join(dir, name))
		text = bytes.ReplaceAll(text, []byte("http://127.0.0.1:9"), []byte(a.gems[version]))
		err = errors.Join(err, readErr, os.WriteFile(filepath.Join(dir, name), text, 0o644))
	}
	return errors.Join(err, os.WriteFile(filepath.Join(dir, "app/controllers/change.rb"), []byte("Change = '"+revision+"'\n"), 0o644))
}

// answer asks an app for its page, in the image of its Ruby, with what is in the
// artifact and no network.
func answer(t *testing.T, r *container.Runner, a *build.Artifact, version string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "release")
	require.NoError(t, build.Extract(t.Context(), a, dir, build.UnpackOptions{}))
	var page bytes.Buffer
	log := &bytes.Buffer{}
	require.NoError(t, r.Run(t.Context(), dir, build.Command{
		Name: "bundle", Args: []string{"exec", "ruby", "-e", `require "./config/environment"; require "rack/mock"; print Rack::MockRequest.new(Rails.application).get("/").body`},
		Env:   map[string]string{"RAILS_ENV": "production", "RAILS_LOG_TO_STDOUT": ""},
		Tools: []build.Tool{{Name: "ruby", Version: version}}, Stdout: &page,
	}, log), log)
	return page.String()
}

func TestRealTwoRailsAppsOfTwoRubiesAreBuiltSideBySide(t *testing.T) {
	r := podman(t)
	own := machine(t)
	builder, err := rails.New(rails.Config{})
	require.NoError(t, err)
	w, err := build.NewWorkshop(build.WorkshopConfig{
		Dir: filepath.Join(t.TempDir(), "shop"), Source: newApps(t), Builder: build.Detect(builder), Identity: builder.Identity(), Runner: r, Parallel: 2,
	})
	require.NoError(t, err)
	versions := []string{"2.7", "3.3"}
	artifacts := make([]*build.Artifact, len(versions))
	var wait sync.WaitGroup
	for i, version := range versions {
		wait.Go(func() {
			log := &bytes.Buffer{}
			a, err := w.Artifact(t.Context(), revision(version, "a"), log)
			if !assert.NoError(t, err, log) {
				return
			}
			artifacts[i] = a
			assert.Contains(t, log.String(), "\nuses ruby "+ruby(t, version)+" (.ruby-version:1)\n")
			assert.Contains(t, log.String(), "\nin localhost/muster/ruby-"+version+":1:\n")
			assert.NotContains(t, log.String(), "waiting for one of", "they are built at the same time")
		})
	}
	wait.Wait()
	require.False(t, t.Failed())
	for i, version := range versions {
		page := answer(t, r, artifacts[i], version)
		assert.Regexp(t, `\Aassets/application-[0-9a-f]{64}\.css hello from Ruby `+ruby(t, version)+`, Rails [67]\.`, page)
		log := &bytes.Buffer{}
		again, err := w.Artifact(t.Context(), revision(version, "b"), log)
		require.NoError(t, err, log)
		assert.Contains(t, log.String(), "gems are unchanged: bundle install is not run")
		assert.Contains(t, log.String(), "no input of the assets changed: assets:precompile is not run")
		assert.Equal(t, len(artifacts[i].Manifest), len(again.Manifest))
	}
	assert.Empty(t, containers(t))
	assert.Equal(t, own, machine(t), "the machine's own Ruby is untouched")
}

// machine is the Ruby of this machine with its gems.
func machine(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("ruby", "-e", "puts RUBY_VERSION, Gem::Specification.map(&:full_name).sort").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// TestRealARubyThatNoImageHasIsNamed asks for what the images lack.
func TestRealARubyThatNoImageHasIsNamed(t *testing.T) {
	r := podman(t)
	builder, err := rails.New(rails.Config{})
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "app")
	require.NoError(t, newApps(t).Checkout(t.Context(), revision("2.7", "a"), dir))
	require.NoError(t, buildtest.WriteTree(dir, map[string]string{".ruby-version": "3.9.9\n"}))
	_, err = builder.Build(t.Context(), &build.Workspace{Dir: dir, Runner: r})
	require.ErrorContains(t, err, "no image has ruby 3.9.9 (.ruby-version:1): localhost/muster/ruby-2.7:1 has ruby "+ruby(t, "2.7"))
	assert.Empty(t, containers(t))
}
