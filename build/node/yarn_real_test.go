//go:build integration

package node_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/node"
	"github.com/muster-deploy/muster/internal/partstest"
)

// registry serves a package "dep" in two versions, as the registry of npm does.
func registry(t *testing.T) string {
	t.Helper()
	packages := map[string][]byte{}
	for _, version := range []string{"1.0.0", "2.0.0"} {
		packages[version] = packed(t, fmt.Sprintf(`{"name": "dep", "version": %q}`, version))
	}
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if version := strings.TrimSuffix(path.Base(r.URL.Path), ".tgz"); packages[version] != nil {
			_, _ = w.Write(packages[version]) // who asked may have gone away
			return
		}
		versions := map[string]any{}
		for version, tgz := range packages {
			sum := sha512.Sum512(tgz)
			versions[version] = map[string]any{"name": "dep", "version": version, "dist": map[string]string{
				"tarball": s.URL + "/dep/-/" + version + ".tgz", "integrity": "sha512-" + base64.StdEncoding.EncodeToString(sum[:]),
			}}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"name": "dep", "dist-tags": map[string]string{"latest": "2.0.0"}, "versions": versions})
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// packed is a package that has no more than its manifest.
func packed(t *testing.T, manifest string) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	archive := tar.NewWriter(zip)
	require.NoError(t, archive.WriteHeader(&tar.Header{Name: "package/package.json", Mode: 0o644, Size: int64(len(manifest))}))
	_, err := archive.Write([]byte(manifest))
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	require.NoError(t, zip.Close())
	return out.Bytes()
}

// Each Yarn writes a lockfile, is content with it, and refuses it once package.json asks
// for something else: what is said then names the line.
func TestRealYarnLockfileOutOfStepIsNamedWithTheLine(t *testing.T) {
	for _, name := range []string{"classic", "berry"} {
		t.Run(name, func(t *testing.T) {
			url := registry(t)
			home := t.TempDir()
			dir := write(t, "package.json", "{\n\"private\": true,\n\"dependencies\": {\n\"dep\": \"^1.0.0\"}}\n", ".npmrc", "registry="+url+"/\n")
			if name == "berry" {
				settings := fmt.Sprintf("npmRegistryServer: %q\nunsafeHttpWhitelist: [127.0.0.1]\nnodeLinker: node-modules\n", url)
				require.NoError(t, os.WriteFile(filepath.Join(dir, ".yarnrc.yml"), []byte(settings), 0o644))
			}
			local := &build.Local{Env: map[string]string{
				"PATH": filepath.Join(partstest.Dir(t, "yarn"), name, "node_modules/.bin") + ":" + os.Getenv("PATH"), "HOME": home,
			}}
			install := func() error {
				require.NoError(t, os.RemoveAll(filepath.Join(dir, "node_modules")))
				p, err := node.Read(dir, node.Options{})
				require.NoError(t, err)
				_, err = p.Install(t.Context(), &build.Workspace{Dir: dir, Runner: local})
				return err
			}
			first := exec.Command(filepath.Join(partstest.Dir(t, "yarn"), name, "node_modules/.bin/yarn"), "install")
			first.Dir, first.Env = dir, append(os.Environ(), "HOME="+home, "CI=") // Yarn changes no lockfile in a CI
			out, err := first.CombinedOutput()
			require.NoError(t, err, string(out))
			require.NoError(t, install())
			assert.FileExists(t, filepath.Join(dir, "node_modules/dep/package.json"))

			text, err := os.ReadFile(filepath.Join(dir, "package.json"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "package.json"), bytes.Replace(text, []byte("^1"), []byte("^2"), 1), 0o644))
			require.ErrorContains(t, install(), `yarn.lock is out of step with package.json:4, which asks for dep "^2.0.0": run yarn install and commit the lockfile`)
		})
	}
}
