package command

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
)

func TestAPictureNeverWraps(t *testing.T) {
	require.Equal(t, "abc", fit("abcdef", 4))
	require.Equal(t, "日", fit("日本", 4), "wide characters count twice")
	require.Equal(t, "abc", fit("abc", 4))
	require.Empty(t, fit("abc", 1))
}

func TestAPictureIsNeverHigherThanATerminal(t *testing.T) {
	var b board
	for i := range 50 {
		b.apply(pipeline.Event{Pipeline: fmt.Sprint(i), Kind: pipeline.EventBegan, Deploy: "d", At: time.Now()})
	}
	lines := b.picture(time.Now(), 80)
	require.Len(t, lines, mostLines)
	require.Equal(t, "...", lines[mostLines-1])
}

func TestAScreenThatDidNotChangeIsNotWritten(t *testing.T) {
	var out strings.Builder
	s := screen{out: &out}
	s.draw([]string{"a"})
	s.flush()
	s.flush()
	require.Equal(t, "a\n", out.String())
	s.draw(nil)
	s.flush()
	require.Equal(t, "a\n\x1b[1A\r\x1b[J", out.String())
}

func TestAmountsAreSaidInOneUnit(t *testing.T) {
	require.Equal(t, "12.3 of 40.0 MB", amount(12_345_678, 40_000_000, "bytes"))
	require.Equal(t, "1 of 999 B", amount(1, 999, "bytes"))
	require.Equal(t, "3 of 4 files", amount(3, 4, "files"))
}

func TestAGaugeBearsOddNumbers(t *testing.T) {
	require.Equal(t, "[##########]", gauge(7, 4))
	require.Equal(t, "[..........]", gauge(-1, 4))
	require.Equal(t, "[#####.....]", gauge(2, 4))
}

func TestTheTargetsOwnCountWins(t *testing.T) {
	var b board
	b.apply(pipeline.Event{Pipeline: "web", Kind: pipeline.EventBegan, Deploy: "d"})
	b.apply(pipeline.Event{Pipeline: "web", Kind: pipeline.EventProgress, Target: "bucket", Progress: &target.Progress{Done: 5, Total: 10, Of: "files"}})
	require.Equal(t, "  bucket [#####.....] 5 of 10 files", b.lanes[0].bars[0].picture())
}

func TestDurationsAreSaidInTwoUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 41 * time.Second: "41s", 60 * time.Second: "1m", 252 * time.Second: "4m 12s",
		time.Hour: "1h", 90 * time.Minute: "1h 30m", 49 * time.Hour: "2d 1h", 48 * time.Hour: "2d",
	} {
		require.Equal(t, want, took(d))
	}
}

func TestCommandsAreDescribedWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, cmd := range commands() {
		require.NotEmpty(t, cmd.brief, cmd.name)
		require.NotEmpty(t, cmd.long, cmd.name)
		require.False(t, seen[cmd.name], cmd.name)
		seen[cmd.name] = true
		for line := range strings.Lines(cmd.long) {
			require.LessOrEqual(t, len(line), 90, "%s: %s", cmd.name, line)
		}
	}
}

func FuzzCleanLeavesNothingThatATerminalActsUpon(f *testing.F) {
	f.Add("a\x1b[2Jb")
	f.Add("\x1b]0;title\x07\x9b\u202e")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range clean(s) {
			if printable(r) < 0 || r == '\n' {
				t.Fatalf("%q is left of %q", r, s)
			}
		}
	})
}
