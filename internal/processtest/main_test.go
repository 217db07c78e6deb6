package processtest_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/internal/processtest"
)

func TestMain(m *testing.M) { processtest.Main(m) }

// TestInside is what the next test runs in a process of its own.
func TestInside(t *testing.T) {
	how := os.Getenv("PROCESSTEST_INSIDE")
	if how == "" {
		return // it is TestAPackageEndsWithItsTests that asks
	}
	file := filepath.Join(t.TempDir(), "left behind")
	require.NoError(t, os.MkdirAll(filepath.Join(os.TempDir(), "left", "behind"), 0o755))
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	fmt.Printf("%s %s\n", flag.Lookup("test.parallel").Value, os.TempDir())
	require.Equal(t, "well", how)
}

func TestAPackageEndsWithItsTests(t *testing.T) {
	for _, c := range []struct {
		how      string
		code     int
		args     []string
		parallel string
	}{
		{"well", 0, nil, "8"},
		{"well", 0, []string{"-test.parallel=3"}, "3"},
		{"badly", 1, nil, "8"},
	} {
		home := t.TempDir()
		inside := exec.Command(os.Args[0], append(c.args, "-test.run=^TestInside$")...)
		inside.Env = append(os.Environ(), "PROCESSTEST_INSIDE="+c.how, "TMPDIR="+home)
		out, err := inside.Output()
		assert.Equal(t, c.code, inside.ProcessState.ExitCode(), "%v: %s", err, out)
		first, _, _ := strings.Cut(string(out), "\n")
		parallel, temporary, _ := strings.Cut(first, " ")
		assert.Equal(t, c.parallel, parallel, "tests at a time, %v", c.args)
		require.NotEmpty(t, temporary)
		if temporary != home { // this machine has a place in memory
			assert.NoDirExists(t, temporary)
		}
	}
}
