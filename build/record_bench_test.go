package build_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
)

// BenchmarkRecord takes the manifest of 20,000 files of 500 MB and, in turns with
// it, the time that find, xargs and sha256sum take over the same tree. "ratio" is
// ours over theirs; "MB" is all memory that was ever allocated for it.
func BenchmarkRecord(b *testing.B) {
	dir := b.TempDir()
	random := rand.NewChaCha8([32]byte{1})
	buf := make([]byte, 500_000_000/20_000)
	for i := range 20_000 {
		at := filepath.Join(dir, fmt.Sprintf("%02d/%02d", i%20, i/20%10))
		require.NoError(b, os.MkdirAll(at, 0o755))
		random.Read(buf)
		require.NoError(b, os.WriteFile(filepath.Join(at, fmt.Sprint(i)), buf, 0o644))
	}
	theirs := func() time.Duration {
		began := time.Now()
		cmd := exec.Command("sh", "-c", "find . -type f -print0 | xargs -0 -P2 sha256sum >/dev/null")
		cmd.Dir = dir
		require.NoError(b, cmd.Run())
		return time.Since(began)
	}
	theirs() // The first look fills the page cache.
	var mine, other time.Duration
	before, runs := allocated(), 0
	for b.Loop() {
		began := time.Now()
		_, err := build.Record(b.Context(), dir, build.RecordOptions{})
		require.NoError(b, err)
		mine += time.Since(began)
		runs++
		b.StopTimer()
		other += theirs()
		b.StartTimer()
	}
	b.ReportMetric(mine.Seconds()/other.Seconds(), "ratio")
	b.ReportMetric(float64(allocated()-before)/float64(runs)/1e6, "MB")
}
