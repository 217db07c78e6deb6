package mirror_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/mirror"
)

// served is a repository behind HTTP with a password.
func served(t *testing.T, r *repository) *httptest.Server {
	t.Helper()
	r.git("update-server-info")
	files := http.FileServer(http.Dir(filepath.Join(r.dir, ".git")))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if user, password, _ := req.BasicAuth(); user != "ann" || password != "hunter2-s3cret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "you sent "+req.Header.Get("Authorization"), http.StatusUnauthorized)
			return
		}
		files.ServeHTTP(w, req)
	}))
	t.Cleanup(s.Close)
	return s
}

// spying is a git that notes its arguments.
func spying(t *testing.T) (git, notes string) {
	t.Helper()
	real, err := exec.LookPath("git")
	require.NoError(t, err)
	notes = filepath.Join(t.TempDir(), "notes")
	git = filepath.Join(t.TempDir(), "git")
	script := "#!/bin/sh\necho \"$@\" >>" + notes + "\nexec " + real + " \"$@\"\n"
	require.NoError(t, os.WriteFile(git, []byte(script), 0o755))
	return git, notes
}

func TestLaw14_APasswordInTheURLReachesTheServerAndNothingElse(t *testing.T) {
	r := newRepository(t)
	one := r.commit("one")
	s := served(t, r)
	git, notes := spying(t)
	dir := filepath.Join(t.TempDir(), "m.git")
	open := func(password string) *mirror.Mirror {
		url := strings.Replace(s.URL, "http://", "http://ann:"+password+"@", 1) + "/"
		// GIT_TRACE has git tell the command lines of all that it starts.
		m, err := mirror.Open(t.Context(), mirror.Config{URL: url, Dir: dir, Git: git, Env: []string{"GIT_TRACE=" + notes}})
		require.NoError(t, err)
		return m
	}
	m := open("hunter2-s3cret")
	require.NoError(t, m.Fetch(t.Context()))
	head, err := m.Resolve(t.Context(), "main")
	require.NoError(t, err)
	require.Equal(t, one, head)

	wrong := open("hunter2-wrong")
	err = wrong.Fetch(t.Context())
	require.ErrorContains(t, err, s.URL)
	require.NotContains(t, err.Error(), "hunter2")

	said, err := os.ReadFile(notes)
	require.NoError(t, err)
	require.Contains(t, string(said), "fetch")
	require.NotContains(t, string(said), "hunter2")
	require.NoError(t, filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		require.NotContains(t, string(b), "hunter2", p)
		return err
	}))
}
