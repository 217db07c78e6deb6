package pipelinetest_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/pipeline"
)

var (
	seeds = flag.Int("seeds", defaultSeeds(), "how many random histories to simulate")
	first = flag.Uint64("first", 1, "the seed of the first history")
	one   = flag.Uint64("S", 0, "simulate the history of this seed only")
)

const (
	workers    = 4
	shortSeeds = 300 // under -short
)

// TestSimulatorKeepsTheLaws drives whole pipelines through random histories, each
// in virtual time, and holds what was written and switched to the laws.
func TestSimulatorKeepsTheLaws(t *testing.T) {
	if *one != 0 {
		simulate(t, *one)
		return
	}
	count := *seeds
	if testing.Short() {
		count = min(count, shortSeeds)
	}
	var broken atomic.Int32
	for n := range workers {
		t.Run(fmt.Sprintf("worker %d", n), func(t *testing.T) {
			t.Parallel()
			for i := n; i < count && broken.Load() < 3; i += workers {
				if !simulate(t, *first+uint64(i)) {
					broken.Add(1)
				}
			}
		})
	}
}

// simulate makes the history of a seed and reports whether it kept the laws.
func simulate(t *testing.T, seed uint64) (kept bool) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(seed)
		w.commit("")
		w.deploy()
		for range 18 + w.random.IntN(22) {
			w.step()
			w.rest()
		}
		w.heal()
		w.settle()
		broken := w.checkQuiet()
		broken = append(broken, w.checkFixed(w.fix())...)
		w.end()
		broken = append(broken, checkLaws(w)...)
		if kept = len(broken) == 0; !kept {
			t.Errorf("seed %d breaks the laws (again: go test ./pipeline/pipelinetest -run Simulator -S %d):\n  %s\n%s",
				seed, seed, strings.Join(broken, "\n  "), w.story())
		}
	})
	return kept
}

// rest is the time between two operations: mostly short, sometimes none.
func (w *world) rest() {
	switch n := w.random.IntN(10); {
	case n < 3:
	case n < 9:
		time.Sleep(time.Duration(w.random.Int64N(int64(6 * time.Second))))
	default:
		time.Sleep(time.Duration(w.random.Int64N(int64(20 * time.Second))))
	}
}

func buildDigest(revision string) string {
	return buildtest.Artifact(map[string]string{"REVISION": revision}).Digest
}

// story is the trace, with what happened to the record and to the units.
func (w *world) story() string {
	lines := slices.Clone(w.trace)
	before := ""
	for _, write := range w.store.writes {
		if now := sketch(write.record()); now != before {
			lines = append(lines, line{write.at, "    " + write.who + ": " + now})
			before = now
		}
	}
	l := &laws{world: w}
	for _, t := range w.targets {
		for _, c := range t.History() {
			how := string(c.Intent)
			if c.Back {
				how = "put back"
			}
			lines = append(lines, line{c.At, fmt.Sprintf("        %s: %s to %s, order %d, %s", c.Unit, l.release(c.From), l.release(c.To), c.Number, how)})
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	var text strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&text, "%9.3f %s\n", l.at.Sub(w.start).Seconds(), l.text)
	}
	return text.String()
}

// sketch is a record in one line.
func sketch(r pipeline.Record) string {
	text := fmt.Sprintf("epoch %d (%s)", r.Epoch, r.Holder)
	if r.Live != nil {
		text += ", live " + r.Live.ID
	}
	if o := r.Open; o != nil {
		text += fmt.Sprintf(", open %s", o.ID)
		for stage, p := range o.Stages {
			for name, t := range p.Targets {
				text += fmt.Sprintf(" [%s/%s begun %d done %t]", stage, name, t.Begun, t.Done)
			}
		}
	}
	if r.Stop != nil {
		text += ", stop " + r.Stop.ID
	}
	if r.Floor != "" {
		text += ", floor " + name(r.Floor)
	}
	if r.Waiting != nil {
		text += ", waiting: " + r.Waiting.Sentence
	}
	if len(r.Ended) > 0 {
		e := r.Ended[len(r.Ended)-1]
		text += fmt.Sprintf(", ended %s %s %s", e.ID, e.End, e.Why)
	}
	return text
}
