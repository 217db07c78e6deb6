package ramdisk_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/internal/ramdisk"
)

func TestTemporaryFilesAreUsableAndGoAway(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	before := os.TempDir()
	remove := ramdisk.Use()
	used := os.TempDir()
	entries, err := os.ReadDir(used)
	require.NoError(t, err)
	require.Empty(t, entries)
	require.NoError(t, os.WriteFile(filepath.Join(used, "file"), nil, 0o600))
	remove()
	if used != before {
		require.NoDirExists(t, used)
	}
}

func TestWithoutTheRoomAllStaysAsItIs(t *testing.T) {
	before := os.TempDir()
	ramdisk.UseIf(1 << 62)()
	require.Equal(t, before, os.TempDir())
}
