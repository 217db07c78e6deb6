package build

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fullDisk is a file on a disk that is full after some bytes, at the flush, or when
// the file is closed.
type fullDisk struct {
	storeFile
	room                int
	syncFull, closeFull bool
}

func (f *fullDisk) Write(p []byte) (int, error) {
	if f.room < len(p) {
		n, _ := f.storeFile.Write(p[:f.room])
		f.room = 0
		return n, syscall.ENOSPC
	}
	f.room -= len(p)
	return f.storeFile.Write(p)
}

func (f *fullDisk) Sync() error {
	if f.syncFull {
		return syscall.ENOSPC
	}
	return f.storeFile.Sync()
}

func (f *fullDisk) Close() error {
	err := f.storeFile.Close()
	if f.closeFull {
		return syscall.ENOSPC
	}
	return err
}

func TestAFullDiskLeavesWhatWasThereAndNothingHalf(t *testing.T) {
	for name, disk := range map[string]fullDisk{
		"at once": {}, "on the way": {room: 5}, "at the flush": {room: 100, syncFull: true}, "at the end": {room: 100, closeFull: true},
	} {
		dir := t.TempDir()
		s, err := OpenDirStore(dir)
		require.NoError(t, err)
		require.NoError(t, s.Put(t.Context(), "a/b", strings.NewReader("before")))
		s.create = func(root *os.Root, name string) (storeFile, error) {
			f, err := createIn(root, name)
			full := disk
			full.storeFile = f
			return &full, err
		}
		err = s.Put(t.Context(), "a/b", strings.NewReader("after, and longer"))
		require.ErrorIs(t, err, syscall.ENOSPC, name)
		require.ErrorContains(t, err, "put a/b")
		r, err := s.Get(t.Context(), "a/b")
		require.NoError(t, err)
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, "before", string(b), name)
		require.Equal(t, []string{"b"}, names(t, filepath.Join(dir, "a")), name)
	}
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestUnfinishedFilesOfACrashAreSweptOnceTheyAreOld(t *testing.T) {
	dir := t.TempDir()
	for name, age := range map[string]time.Duration{"~old": 25 * time.Hour, "~new": time.Hour, "kept": 99 * time.Hour} {
		at := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(at, nil, 0o644))
		require.NoError(t, os.Chtimes(at, time.Now(), time.Now().Add(-age)))
	}
	_, err := OpenDirStore(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"kept", "~new"}, names(t, dir))
}

func TestAStoreDoesNotFollowALinkOutOfItsDirectory(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "victim"), []byte("safe"), 0o644))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "out")))
	s, err := OpenDirStore(dir)
	require.NoError(t, err)
	_, err = s.Get(t.Context(), "out/victim")
	require.Error(t, err)
	require.Error(t, s.Put(t.Context(), "out/victim", strings.NewReader("x")))
	require.Error(t, s.Delete(t.Context(), "out/victim"))
	_, err = os.Stat(filepath.Join(outside, "victim"))
	require.False(t, errors.Is(err, fs.ErrNotExist))
}
