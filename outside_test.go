package muster_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAnotherModuleTestsAgainstTheFakesWithoutOurTestDependencies builds the module
// of a team that uses muster, and looks at what that leaves in its go.sum. It needs
// no network: what muster itself needs is in the module cache by the time this runs.
func TestAnotherModuleTestsAgainstTheFakesWithoutOurTestDependencies(t *testing.T) {
	here, err := os.Getwd()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("internal", "house", "testdata", "outside"))))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(`module example.com/deployer

go 1.26.0

require github.com/muster-deploy/muster v0.0.0

replace github.com/muster-deploy/muster => `+strconv.Quote(here)+"\n"), 0o644))

	goTool(t, dir, "vet", "./...")
	out := goTool(t, dir, "test", "-v", "./...")
	for _, name := range []string{"TestDocuments", "TestStore", "TestBuilder", "TestBuilds", "TestTarget", "TestPipeline"} {
		assert.Contains(t, out, "--- PASS: "+name+" ")
	}
	for _, name := range []string{"go.sum", "go.mod"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if !os.IsNotExist(err) {
			require.NoError(t, err)
		}
		assert.NotContains(t, string(content), "testify", name)
	}
}

// goTool runs the go tool in dir, offline and as a newcomer's would be set up, and
// returns what it said.
func goTool(t *testing.T, dir string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GONOSUMDB=*", "GOWORK=off")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	require.NoError(t, c.Run(), "go %s:\n%s", strings.Join(args, " "), &out)
	return out.String()
}
