package host_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shim returns an environment in which a command is a script of ours. The script
// may call the command itself as real.
func shim(t *testing.T, command, text string) []string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, command, text)
	return []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
}

func write(t *testing.T, dir, command, text string) {
	t.Helper()
	script := "#!/bin/sh\nPATH=${PATH#*:}\nargs() { :; }\nreal() { command " + command + " \"$@\"; }\n" + text + "\n"
	script = strings.ReplaceAll(script, "real |", `real "$@" |`)
	require.NoError(t, os.WriteFile(filepath.Join(dir, command), []byte(script), 0o755))
}

func shellPath(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("sh")
	require.NoError(t, err)
	return path
}
