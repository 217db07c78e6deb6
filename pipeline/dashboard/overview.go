package dashboard

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// coldReads is how many pipelines are read at once when a page needs them.
const coldReads = 16

// firstReads is how long the first page waits for pipelines that were not read yet.
const firstReads = 2 * time.Second

// overviewPage is all pipelines at a glance.
type overviewPage struct {
	frame
	Glance glance
	Rows   []row
	Chart  chart
	Query  string // names that are shown have it
	Mark   string // only this state is shown
}

// glance sums up the pipelines.
type glance struct {
	clock
	Total  int
	Counts []stateCount
	Look   []row // those that somebody should look at
}

type stateCount struct {
	state
	N int
}

// row is one pipeline.
type row struct {
	clock
	state
	Key, Name, Sentence string
	Live                string
	LiveAt              time.Time
	Alone               bool // no deployer runs
}

func (d *Dashboard) overview(w http.ResponseWriter, r *http.Request) {
	lanes, user, err := d.readable(r)
	if err != nil {
		d.refused(w, r, err)
		return
	}
	d.readAll(r.Context(), lanes)
	p := overviewPage{frame: d.frame(r, user, ""), Query: strings.TrimSpace(r.FormValue("q")), Mark: r.FormValue("state")}
	p.Glance = d.glance(p.Now, lanes)
	for _, l := range lanes {
		rw := rowOf(p.Now, l, l.now())
		if strings.Contains(strings.ToLower(l.name), strings.ToLower(p.Query)) && (p.Mark == "" || p.Mark == rw.Mark) {
			p.Rows = append(p.Rows, rw)
		}
	}
	tallied := talliedOf(lanes) // before the chart: what comes in between is sent
	p.Chart = d.chartOf(p.Now, lanes)
	p.Events = "events?chart=" + strconv.FormatUint(tallied, 10)
	d.show(w, http.StatusOK, "overview", p)
}

// readAll makes sure that the pipelines were read not too long ago.
func (d *Dashboard) readAll(ctx context.Context, lanes []*lane) {
	ctx, cancel := context.WithTimeout(ctx, firstReads)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(coldReads)
	for _, l := range lanes {
		if l.touch(0); time.Since(l.now().read) > 2*d.c.Refresh {
			g.Go(func() error { l.read(ctx, d.c.Refresh); return nil })
		}
	}
	_ = g.Wait() // no error is returned
}

// rowOf is the row of a pipeline.
func rowOf(now time.Time, l *lane, v view) row {
	rw := row{clock: clock{now}, state: stateOf(v), Key: segment(l.name), Name: l.name, Sentence: sentence(v)}
	if live := v.status.Live; live != nil {
		rw.Live, rw.LiveAt = live.ID, live.At
	}
	rw.Alone = v.status.Deployer == nil && v.status.Epoch > 0
	return rw
}

// glance sums up pipelines, by what was read of them last.
func (d *Dashboard) glance(now time.Time, lanes []*lane) glance {
	g := glance{clock: clock{now}, Total: len(lanes)}
	for _, l := range lanes {
		rw := rowOf(now, l, l.now())
		if i := slices.IndexFunc(g.Counts, func(c stateCount) bool { return c.Word == rw.Word }); i >= 0 {
			g.Counts[i].N++
		} else {
			g.Counts = append(g.Counts, stateCount{rw.state, 1})
		}
		if rw.Look {
			g.Look = append(g.Look, rw)
		}
	}
	slices.SortStableFunc(g.Counts, func(a, b stateCount) int {
		if a.Look != b.Look {
			return map[bool]int{true: -1, false: 1}[a.Look]
		}
		return b.N - a.N
	})
	return g
}

// chartOf draws the deploys of pipelines, as far as they are counted.
func (d *Dashboard) chartOf(now time.Time, lanes []*lane) chart {
	ready := true
	var counts []map[string]day
	for _, l := range lanes {
		v := l.now()
		ready = ready && (v.counted || v.err != nil)
		counts = append(counts, v.perDay)
	}
	return drawChart(now, ready, counts...)
}

// overviewEvents keeps the overview as it is now.
func (d *Dashboard) overviewEvents(w http.ResponseWriter, r *http.Request) {
	lanes, _, err := d.readable(r)
	if err != nil {
		d.refused(w, r, err)
		return
	}
	for _, l := range lanes {
		l.touch(1)
	}
	leave := sync.OnceFunc(func() {
		for _, l := range lanes {
			l.touch(-1)
		}
	})
	defer leave()
	o := overviewStream{d: d, lanes: lanes, sent: make([]uint64, len(lanes))}
	o.tallied, _ = strconv.ParseUint(r.FormValue("chart"), 10, 64)
	may := func() error {
		still, _, err := d.readable(r)
		if err == nil && len(still) != len(lanes) {
			err = errChanged
		}
		return err
	}
	d.serveStream(w, r, may, &d.news, o.update)
}

// overviewStream is what was sent to one browser.
type overviewStream struct {
	d       *Dashboard
	lanes   []*lane
	sent    []uint64
	tallied uint64 // of its chart
}

// talliedOf changes when a deploy of one of the pipelines was counted.
func talliedOf(lanes []*lane) uint64 {
	var sum uint64
	for _, l := range lanes {
		sum += l.now().tallied
	}
	return sum
}

// update sends what has changed.
func (o *overviewStream) update(s *stream) error {
	news := false
	for i, l := range o.lanes {
		v := l.now()
		if v.version == o.sent[i] {
			continue
		}
		news, o.sent[i] = true, v.version
		if err := s.write(o.d.event(l, v, "row", "", func() (string, any) { return "row-" + segment(l.name), rowOf(o.d.time(), l, v) })); err != nil {
			return err
		}
	}
	if !news {
		return nil
	}
	now := o.d.time()
	if tallied := talliedOf(o.lanes); tallied != o.tallied {
		o.tallied = tallied
		if err := s.write(o.d.regionEvent("chart", "chart", o.d.chartOf(now, o.lanes))); err != nil {
			return err
		}
	}
	return s.write(o.d.regionEvent("glance", "glance", o.d.glance(now, o.lanes)))
}
