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
		b.Logf("pair %d: ours %v, peer %v", n+1, o[n], p[n])
	}
	return o, p
}
