//go:build unix

package filelock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/muster-deploy/muster/lock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The environment of a child process that writes a document and kills itself.
const (
	killDir = "FILELOCK_TEST_DIR"
	killAt  = "FILELOCK_TEST_KILL_AT"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

// child swaps the document once and dies at the step that it was told.
func child(dir string) int {
	n, err := strconv.Atoi(os.Getenv(killAt))
	if err != nil {
		return 2
	}
	s := newStore(&suicide{files: directory(dir), left: n})
	_, v, err := s.Load(context.Background(), "key")
	if err != nil && !errors.Is(err, lock.ErrNotFound) {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	if _, err := s.Swap(context.Background(), "key", v, fromChild); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 4
	}
	return 0
}

var fromChild = bytes.Repeat([]byte("from the child\n"), 2000)

// suicide kills its process before the n-th step that it is asked for.
type suicide struct {
	files
	left int
}

func (s *suicide) step() {
	if s.left--; s.left < 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

func (s *suicide) Lock(ctx context.Context, name string) (func(), error) {
	s.step()
	unlock, err := s.files.Lock(ctx, name)
	s.step()
	return func() { s.step(); unlock(); s.step() }, err
}

func (s *suicide) Read(name string, limit int64) ([]byte, error) {
	s.step()
	return s.files.Read(name, limit)
}

func (s *suicide) Create(name string) (file, error) {
	s.step()
	f, err := s.files.Create(name)
	return &suicideFile{f, s}, err
}

func (s *suicide) Rename(from, to string) error {
	s.step()
	return s.files.Rename(from, to)
}

func (s *suicide) Sync() error {
	s.step()
	return s.files.Sync()
}

type suicideFile struct {
	file
	suicide *suicide
}

func (f *suicideFile) Write(data []byte) (int, error) {
	f.suicide.step()
	half, err := f.file.Write(data[:len(data)/2])
	if err != nil {
		return half, err
	}
	f.suicide.step()
	rest, err := f.file.Write(data[len(data)/2:])
	return half + rest, err
}

func (f *suicideFile) Sync() error {
	f.suicide.step()
	return f.file.Sync()
}

func (f *suicideFile) Close() error {
	f.suicide.step()
	return f.file.Close()
}

func TestAProcessKilledAtAnyStepLeavesTheOldOrTheNewDocument(t *testing.T) {
	for _, first := range []bool{true, false} {
		kills, found := 0, map[string]int{}
		for n := 0; ; n++ {
			require.Less(t, n, 100)
			dir := t.TempDir()
			s, err := Open(dir)
			require.NoError(t, err)
			old := lock.Version("")
			if !first {
				old, err = s.Swap(t.Context(), "key", "", []byte("old"))
				require.NoError(t, err)
			}
			killed := killChild(t, dir, n)
			found[checkAfterKill(t, dir, old)]++
			if !killed {
				break
			}
			kills++
		}
		t.Logf("%d kills, %v", kills, found)
		assert.GreaterOrEqual(t, kills, 12)
		assert.Len(t, found, 2, "both documents were found")
	}
}

// killChild runs a child that dies at step n, and reports whether it got that far.
func killChild(t *testing.T, dir string, n int) bool {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	c := exec.CommandContext(t.Context(), exe)
	c.Env = append(os.Environ(), killDir+"="+dir, killAt+"="+strconv.Itoa(n))
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return true
	}
	require.NoError(t, err, "%s", out)
	return false
}

// checkAfterKill opens the directory again and returns which document was found.
func checkAfterKill(t *testing.T, dir string, old lock.Version) string {
	t.Helper()
	s, err := Open(dir)
	require.NoError(t, err)
	data, v, err := s.Load(t.Context(), "key")
	which := "old"
	switch {
	case v == old && old == "":
		require.ErrorIs(t, err, lock.ErrNotFound)
	case v == old:
		require.NoError(t, err)
		require.Equal(t, "old", string(data))
	default:
		require.NoError(t, err)
		require.Equal(t, fromChild, data)
		which = "new"
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	next, err := s.Swap(ctx, "key", v, []byte("next"))
	require.NoError(t, err, "the dead process holds no lock")
	require.NotContains(t, []lock.Version{"", old, v}, next)
	return which
}
