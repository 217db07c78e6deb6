//go:build integration

package ember_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/ember"
	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/internal/partstest"
	"github.com/muster-deploy/muster/internal/partstest/browsertest"
)

// sources is an app of the part, committed to a repository, and the tools for it.
type sources struct {
	repository, revision string
	local                *build.Local
}

func newSources(t *testing.T, app string) *sources {
	t.Helper()
	part := partstest.Dir(t, "ember")
	r := &sources{repository: filepath.Join(t.TempDir(), app), local: &build.Local{Env: map[string]string{
		"PATH":             filepath.Join(part, "tools/node_modules/.bin") + ":" + os.Getenv("PATH"),
		"npm_config_cache": filepath.Join(part, "npm"), "npm_config_store_dir": filepath.Join(part, "pnpm-store"),
		"npm_config_prefer_offline": "true",
	}}}
	require.NoError(t, os.CopyFS(r.repository, os.DirFS(filepath.Join(part, app))))
	require.NoError(t, os.RemoveAll(filepath.Join(r.repository, "tmp")))
	r.git(t, "init", "--quiet", "--initial-branch=main")
	r.commit(t)
	return r
}

// git runs git in the repository.
func (r *sources) git(t *testing.T, args ...string) string {
	t.Helper()
	c := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
	c.Dir = r.repository
	out, err := c.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("git %v: %s", args, exit.Stderr)
	}
	require.NoError(t, err)
	return string(bytes.TrimSpace(out))
}

// commit makes a revision of what is there.
func (r *sources) commit(t *testing.T) {
	t.Helper()
	r.git(t, "add", "-A")
	r.git(t, "commit", "--quiet", "--message=x")
	r.revision = r.git(t, "rev-parse", "HEAD")
}

// shop is a workshop that has built nothing yet, at a place of its own.
func (r *sources) shop(t *testing.T) *build.Workshop {
	t.Helper()
	m, err := mirror.Open(t.Context(), mirror.Config{URL: r.repository, Dir: filepath.Join(t.TempDir(), "mirror.git")})
	require.NoError(t, err)
	require.NoError(t, m.Fetch(t.Context()))
	b, err := ember.New(ember.Config{})
	require.NoError(t, err)
	w, err := build.NewWorkshop(build.WorkshopConfig{
		Dir: filepath.Join(t.TempDir(), "shop"), Source: m, Builder: build.Detect(b), Identity: b.Identity(), Runner: r.local,
	})
	require.NoError(t, err)
	return w
}

// built builds the revision, and fails with the log.
func (r *sources) built(t *testing.T, w *build.Workshop) (*build.Artifact, string) {
	t.Helper()
	log := &bytes.Buffer{}
	a, err := w.Artifact(t.Context(), r.revision, log)
	require.NoError(t, err, log)
	return a, log.String()
}

// classes says how many files there are of each class.
func classes(a *build.Artifact) map[build.Class]int {
	n := map[build.Class]int{}
	for _, f := range a.Manifest {
		n[f.Class]++
	}
	return n
}

// paths lists the files of an artifact, by which a difference is easier to read.
func paths(a *build.Artifact) (p []string) {
	for _, f := range a.Manifest {
		p = append(p, f.Path)
	}
	return p
}

// TestRealAppsAreBuiltAndSeenByABrowser builds each app three times: with empty caches;
// once more with what is cached, after a change; and that change at another place and
// time, with empty caches again. The last two have to be equal to the byte: then neither
// place nor time nor cache gets into an artifact.
func TestRealAppsAreBuiltAndSeenByABrowser(t *testing.T) {
	for _, c := range []struct{ app, manager, page string }{
		{"modern", "uses pnpm", "app/templates/application.gjs"},
		{"classic", "uses npm", "app/templates/application.hbs"},
	} {
		t.Run(c.app, func(t *testing.T) {
			t.Parallel()
			r := newSources(t, c.app)
			w := r.shop(t)
			a, log := r.built(t, w)
			assert.Regexp(t, `(?m)\Abuilder: ember \(package.json:\d+ depends on ember-cli\)\nuses node .*\n`+c.manager, log)
			r.replace(t, c.page, "hello", "goodbye")
			warm, log := r.built(t, w)
			assert.Contains(t, log, "dependencies are unchanged")
			assert.NotEqual(t, a.Digest, warm.Digest)
			cold, log := r.built(t, r.shop(t))
			assert.NotContains(t, log, "dependencies are unchanged")
			assert.Equal(t, paths(warm), paths(cold))
			assert.Equal(t, warm.Digest, cold.Digest, "elsewhere, later, with an empty cache")
			isClassed(t, cold)
			for artifact, said := range map[*build.Artifact]string{a: "hello", warm: "goodbye"} {
				dir := filepath.Join(t.TempDir(), "site")
				require.NoError(t, build.Extract(t.Context(), artifact, dir, build.UnpackOptions{}))
				assert.Contains(t, browsertest.DOM(t, browsertest.Serve(t, dir)), "muster 402 says "+said+" from "+c.app)
			}
		})
	}
}

// isClassed holds the classes of an artifact against the names of its files: what is
// hashed has a digest in its name, and what has one is hashed, unless the digest could
// be a word.
func isClassed(t *testing.T, a *build.Artifact) {
	t.Helper()
	n := classes(a)
	assert.Positive(t, n[build.Entry])
	assert.Positive(t, n[build.Hashed])
	digest := regexp.MustCompile(`-[0-9a-f]{32}\.|\.[0-9a-f]{20}\.|-[\w-]{8}\.`)
	word := regexp.MustCompile(`-[A-Za-z][a-z]*([A-Z][a-z]+)*[0-9]*\.`)
	for _, f := range a.Manifest {
		named := digest.MatchString(f.Path) && filepath.Dir(f.Path) != "."
		assert.True(t, named == (f.Class == build.Hashed) || named && word.MatchString(f.Path), f.Path)
	}
}

// replace changes a file of the source, and commits it.
func (r *sources) replace(t *testing.T, name, from, to string) {
	t.Helper()
	at := filepath.Join(r.repository, name)
	text, err := os.ReadFile(at)
	require.NoError(t, err)
	require.Contains(t, string(text), from)
	require.NoError(t, os.WriteFile(at, bytes.Replace(text, []byte(from), []byte(to), 1), 0o644))
	r.commit(t)
}

func TestRealLockfilesOutOfStepAreNamedWithTheLine(t *testing.T) {
	for _, c := range []struct{ app, has, wants, err string }{
		{"modern", `"ember-cli": "~7`, `"ember-cli": "~99`, `pnpm-lock\.yaml is out of step with package\.json:\d+, which asks for ember-cli "~99.*": run pnpm install`},
		{"classic", `"ember-cli": "~5.12`, `"ember-cli": "~99.12`, `package-lock\.json is out of step with package\.json:\d+, which asks for ember-cli "~99.*": run npm install`},
	} {
		r := newSources(t, c.app)
		r.replace(t, "package.json", c.has, c.wants)
		_, err := r.shop(t).Artifact(t.Context(), r.revision, nil)
		require.Error(t, err)
		assert.Regexp(t, c.err, err.Error())
	}
}
