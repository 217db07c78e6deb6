package dashboard

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
)

// freshly is how old what a pipeline's page shows may be when it is made.
const freshly = time.Second

// shortHistory is how many deploys a pipeline's own page lists.
const shortHistory = 8

// pipelinePage is one pipeline as it works.
type pipelinePage struct {
	frame
	Name, Key string
	Region    nowRegion
	Said      linesOf
	Chart     chart
	History   []deployRow
	Problem   string // why there is no history
	Did       string // what was just recorded
	Ask       bool   // it can be asked about one change
	Asked     string // the change that was asked about
	Why       string // where it is
}

// HistoryRows are the deploys to list.
func (p pipelinePage) HistoryRows() []deployRow { return p.History }

// Before is empty: the list begins with the newest.
func (p pipelinePage) Before() string { return "" }

func (d *Dashboard) pipelinePage(w http.ResponseWriter, r *http.Request, l *lane) {
	user, err := d.allow(r, Access{Pipeline: l.name})
	if err != nil {
		d.refused(w, r, err)
		return
	}
	v := l.look(r.Context(), freshly)
	p := pipelinePage{frame: d.frame(r, user, l.name), Name: l.name, Key: segment(l.name)}
	p.Region = nowOf(p.Now, l, v, d.mayAct(r, l))
	p.Did = did[r.FormValue("did")]
	p.explain(r, l)
	lines, seq := l.lines(0)
	slices.Reverse(lines) // the newest first
	p.Said = linesOf{p.clock, lines}
	p.Chart = d.pipelineChart(p.Now, v)
	p.History, p.Problem = d.history(r.Context(), p.frame, l, "", shortHistory)
	if n := len(lines); n > 0 {
		seq = lines[0].seq
	}
	p.Events = "events?after=" + strconv.FormatUint(seq, 10) + "&chart=" + strconv.FormatUint(v.tallied, 10)
	d.show(w, http.StatusOK, "pipeline", p)
}

// explain answers "why is my change not live?" where the pipeline knows its branch.
func (p *pipelinePage) explain(r *http.Request, l *lane) {
	e, ok := l.p.(explainer)
	p.Ask, p.Asked = ok, strings.TrimSpace(r.FormValue("change"))
	if !ok || p.Asked == "" {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readTime)
	defer cancel()
	reason, err := e.Explain(ctx, p.Asked)
	if p.Why = words.Clean(reason.Sentence); err != nil {
		p.Why = "It cannot be said: " + words.Clean(err.Error())
	}
}

// pipelineChart draws a pipeline's deploys, and says how well it delivers.
func (d *Dashboard) pipelineChart(now time.Time, v view) chart {
	c := drawChart(now, v.counted || v.err != nil, v.perDay)
	y, m, day := now.Date()
	s := pipeline.Summarize(v.recent, time.Date(y, m, day-days+1, 0, 0, 0, 0, now.Location()), now)
	c.Facts = []fact{
		{"Commit to live, median", known(s.LeadTime)},
		{"Failed or rolled back", strconv.FormatFloat(100*s.FailureRate, 'f', 1, 64) + " %"},
		{"Time to restore, median", known(s.Restore)},
	}
	return c
}

func known(d time.Duration) string {
	if d == 0 {
		return "not known"
	}
	return words.Took(d)
}

// pipelineEvents keeps a pipeline's page as it is now.
func (d *Dashboard) pipelineEvents(w http.ResponseWriter, r *http.Request, l *lane) {
	p := pipelineStream{d: d, l: l, may: d.mayAct(r, l)}
	p.tallied, _ = strconv.ParseUint(r.FormValue("chart"), 10, 64)
	p.seq, _ = strconv.ParseUint(r.FormValue("after"), 10, 64)
	l.touch(1)
	defer l.touch(-1)
	may := func() error {
		_, err := d.allow(r, Access{Pipeline: l.name})
		if err == nil && d.mayAct(r, l) != p.may {
			err = errChanged
		}
		return err
	}
	d.serveStream(w, r, may, &l.news, p.update)
}

// pipelineStream is what was sent to one browser.
type pipelineStream struct {
	d       *Dashboard
	l       *lane
	may     bool
	seq     uint64 // of the last line
	sent    uint64 // version
	tallied uint64 // of its chart and history
}

// update sends what has changed.
func (p *pipelineStream) update(s *stream) error {
	v := p.l.now()
	if v.version == p.sent || v.read.IsZero() {
		return nil
	}
	p.sent = v.version
	variant := ""
	if p.may {
		variant = " may"
	}
	region := func() (string, any) { return "now", nowOf(p.d.time(), p.l, v, p.may) }
	if err := s.write(p.d.event(p.l, v, "now", variant, region)); err != nil {
		return err
	}
	if v.tallied != p.tallied {
		p.tallied = v.tallied
		if err := p.past(s, v); err != nil {
			return err
		}
	}
	return p.tell(s)
}

// past sends the chart and the history, after a deploy has ended.
func (p *pipelineStream) past(s *stream, v view) error {
	chart := func() (string, any) { return "chart", p.d.pipelineChart(p.d.time(), v) }
	if err := s.write(p.d.event(p.l, v, "chart", "", chart)); err != nil {
		return err
	}
	return s.write(p.d.event(p.l, v, "deploys", "", func() (string, any) {
		page := pipelinePage{frame: frame{clock: clock{p.d.time()}, Root: "../../"}, Name: p.l.name, Key: segment(p.l.name)}
		page.History, page.Problem = p.d.history(p.d.base, page.frame, p.l, "", shortHistory)
		return "history", page
	}))
}

// said is the data of an event that adds lines to what happened.
type said struct {
	HTML string `json:"html"`
	Seq  uint64 `json:"seq"` // of the last one
}

// tell sends the lines that are new.
func (p *pipelineStream) tell(s *stream) error {
	if known := p.l.said(); p.seq > known {
		p.seq = 0 // the page is of another process, whose lines were counted anew
	}
	lines, _ := p.l.lines(p.seq)
	if len(lines) == 0 {
		return nil
	}
	p.seq = lines[len(lines)-1].seq
	return s.write(p.d.linesEvent(lines))
}
