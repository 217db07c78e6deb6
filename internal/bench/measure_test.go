//go:build integration

package bench

import (
	"flag"
	"slices"
	"syscall"
	"testing"
	"time"
)

var pairCount = flag.Int("pairs", 7, "how many pairs of builds a benchmark alternates")

// work is what something took of the clock, and of the processors in this process and
// its children.
type work struct{ wall, cpu time.Duration }

// String is both, for the log.
func (w work) String() string {
	return w.wall.Round(time.Millisecond).String() + " " + w.cpu.Round(time.Millisecond).String()
}

func measureWork(b *testing.B, do func()) work {
	b.Helper()
	before, begin := processors(b), time.Now()
	do()
	return work{wall: time.Since(begin), cpu: processors(b) - before}
}

func processors(b *testing.B) time.Duration {
	b.Helper()
	total := time.Duration(0)
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		total += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return total
}

// middle is the median of durations.
func middle(all []work, of func(work) time.Duration) float64 {
	values := make([]time.Duration, len(all))
	for i, w := range all {
		values[i] = of(w)
	}
	slices.Sort(values)
	return values[len(values)/2].Seconds()
}

func wallOf(w work) time.Duration { return w.wall }
func cpuOf(w work) time.Duration  { return w.cpu }

// pairs alternates ours with the peer, and which of them goes first.
func pairs(b *testing.B, ours, peer func() work) (o, p []work) {
	b.Helper()
	for n := range *pairCount {
		if n%2 == 0 {
			o = append(o, ours())
			p = append(p, peer())
		} else {
			p = append(p, peer())
			o = append(o, ours())
		}
		b.Logf("pair %d: ours %v, peer %v (wall, cpu)", n+1, o[n], p[n])
	}
	return o, p
}

// reportOverhead reports what a build takes more than its commands by hand, and how much
// is allowed: a second, and one for each 100 MB of artifact. All are medians, but for the
// last ones, which are the medians of the differences pair by pair: they see what a
// machine that becomes slower or faster meanwhile hides.
func reportOverhead(b *testing.B, o, p []work, size int64) {
	b.Helper()
	b.ReportMetric(middle(o, wallOf), "wall-s")
	b.ReportMetric(middle(o, cpuOf), "cpu-s")
	b.ReportMetric(middle(p, wallOf), "by-hand-wall-s")
	b.ReportMetric(middle(p, cpuOf), "by-hand-cpu-s")
	b.ReportMetric(middle(o, wallOf)-middle(p, wallOf), "overhead-wall-s")
	b.ReportMetric(middle(o, cpuOf)-middle(p, cpuOf), "overhead-cpu-s")
	more := make([]work, len(o))
	for i := range o {
		more[i] = work{wall: o[i].wall - p[i].wall, cpu: o[i].cpu - p[i].cpu}
	}
	b.ReportMetric(middle(more, wallOf), "paired-overhead-wall-s")
	b.ReportMetric(middle(more, cpuOf), "paired-overhead-cpu-s")
	b.ReportMetric(float64(size)/1e6, "artifact-MB")
	b.ReportMetric(1+float64(size)/100e6, "allowed-s")
}

// reportRatio reports the medians of a build and of its commands by hand, and what the
// first is of the second.
func reportRatio(b *testing.B, o, p []work) {
	b.Helper()
	b.ReportMetric(middle(o, wallOf), "wall-s")
	b.ReportMetric(middle(o, cpuOf), "cpu-s")
	b.ReportMetric(middle(p, wallOf), "by-hand-wall-s")
	b.ReportMetric(middle(p, cpuOf), "by-hand-cpu-s")
	b.ReportMetric(middle(o, wallOf)/middle(p, wallOf), "of-by-hand")
	b.ReportMetric(middle(o, cpuOf)/middle(p, cpuOf), "of-by-hand-cpu")
}
