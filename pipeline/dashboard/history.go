package dashboard

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
)

// historyRows is how many deploys a page of the history has.
const historyRows = 50

// historyPage is the deploys that have ended.
type historyPage struct {
	frame
	Name, Key string
	Rows      []deployRow
	Before    string // the deploy before which it begins
	Older     string // the deploy before which the next page begins; empty: there is none
	Problem   string
}

// HistoryRows are the deploys to list.
func (p historyPage) HistoryRows() []deployRow { return p.Rows }

// deployRow is one deploy that has ended.
type deployRow struct {
	clock
	pipeline.Deploy
	Mark    string
	Took    string
	Changes []changeLink
	More    int // changes that are not listed
}

// changeLink is a change, and where it can be read.
type changeLink struct{ Revision, URL string }

func (d *Dashboard) historyPage(w http.ResponseWriter, r *http.Request, l *lane) {
	user, err := d.allow(r, Access{Pipeline: l.name})
	if err != nil {
		d.refused(w, r, err)
		return
	}
	l.touch(0)
	p := historyPage{frame: d.frame(r, user, "History of "+l.name), Name: l.name, Key: segment(l.name), Before: r.FormValue("before")}
	p.Crumbs = []crumb{{l.name, "../"}}
	p.Rows, p.Problem = d.history(r.Context(), p.frame, l, p.Before, historyRows+1)
	if len(p.Rows) > historyRows {
		p.Rows = p.Rows[:historyRows]
		p.Older = p.Rows[historyRows-1].ID
	}
	d.show(w, http.StatusOK, "history", p)
}

// history reads n deploys, or says why it cannot.
func (d *Dashboard) history(ctx context.Context, f frame, l *lane, before string, n int) (rows []deployRow, problem string) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	for deploy, err := range l.desk.Deploys(ctx, before) {
		if errors.Is(err, pipeline.ErrNoPipeline) {
			return nil, ""
		}
		if err != nil {
			return rows, "The history cannot be read: " + words.Clean(err.Error())
		}
		rows = append(rows, d.deployRow(f, l, deploy, 3))
		if len(rows) == n {
			break
		}
	}
	return rows, ""
}

// deployRow is a deploy with at most so many of its changes.
func (d *Dashboard) deployRow(f frame, l *lane, deploy pipeline.Deploy, most int) deployRow {
	row := deployRow{clock: f.clock, Deploy: deploy, Mark: markOfEnd(deploy), Took: words.Took(deploy.Ended.Sub(deploy.Began))}
	listed := deploy.Batch
	if len(listed) == 0 && deploy.Kind == pipeline.KindDeploy && deploy.To.Revision != "" {
		listed = []string{deploy.To.Revision}
	}
	row.More = max(0, len(listed)-most)
	for _, revision := range listed[:len(listed)-row.More] {
		row.Changes = append(row.Changes, changeLink{revision, d.changeURL(l, revision)})
	}
	return row
}

// changeURL is where a change can be read, or empty.
func (d *Dashboard) changeURL(l *lane, revision string) string {
	if d.c.Change == nil {
		return ""
	}
	return d.c.Change(l.name, revision)
}

// markOfEnd is the mark of how a deploy ended.
func markOfEnd(d pipeline.Deploy) string {
	switch d.End {
	case pipeline.Live, pipeline.Unchanged:
		return "fine"
	case pipeline.FailedEnd, pipeline.RollbackFailed:
		return "bad"
	case pipeline.RolledBack:
		if d.Kind == pipeline.KindRollback {
			return "fine"
		}
		return "halt"
	}
	return "wait"
}

// deployPage is one deploy: what was in it, how it went, and its log.
type deployPage struct {
	frame
	Name, Key string
	Row       deployRow
	Open      bool // it is under way
	Failed    []string
	Back      string // the live release, where one may go back from it to this one
	Log       string // its end
	LogCut    bool
	Problem   string
}

func (d *Dashboard) deployPage(w http.ResponseWriter, r *http.Request, l *lane) {
	user, err := d.allow(r, Access{Pipeline: l.name})
	if err != nil {
		d.refused(w, r, err)
		return
	}
	id := r.PathValue("deploy")
	v := l.look(r.Context(), freshly)
	deploy, open, err := d.find(r.Context(), l, v, id)
	if errors.Is(err, pipeline.ErrNoDeploy) {
		d.sorry(w, r, http.StatusNotFound, "There is no deploy "+id, "The history of "+l.name+" lists those that there are.")
		return
	}
	if err != nil {
		d.sorry(w, r, http.StatusBadGateway, "The history cannot be read", words.Clean(err.Error()))
		return
	}
	p := deployPage{frame: d.frame(r, user, deploy.ID), Name: l.name, Key: segment(l.name), Open: open}
	p.Crumbs = []crumb{{l.name, "../"}, {"History", "./"}}
	p.Row = d.deployRow(p.frame, l, deploy, 200)
	for _, u := range deploy.Failed {
		p.Failed = append(p.Failed, words.Unit(u))
	}
	if d.mayAct(r, l) {
		p.Back = backFrom(v.status, id)
	}
	p.Log, p.LogCut, p.Problem = d.logEnd(r.Context(), l, id)
	d.show(w, http.StatusOK, "deploy", p)
}

// backFrom is the live release from which one may go back to the one of that id.
func backFrom(s pipeline.Status, id string) string {
	i := slices.IndexFunc(s.Served, func(r pipeline.Served) bool { return r.ID == id })
	if i < 0 || s.Open != nil || s.Live == nil || s.Live.ID == id || s.Live.Digest == s.Served[i].Digest {
		return ""
	}
	bad := slices.ContainsFunc(s.Excluded, func(e pipeline.Excluded) bool { return e.Revision == s.Served[i].Revision })
	newer := slices.ContainsFunc(s.Served[:i], func(r pipeline.Served) bool { return r.ID == s.Live.ID })
	if bad || newer {
		return ""
	}
	return s.Live.ID
}

// find returns the deploy of that id, as if it had ended now where it is under way.
func (d *Dashboard) find(ctx context.Context, l *lane, v view, id string) (deploy pipeline.Deploy, open bool, err error) {
	if o := v.status.Open; o != nil && o.ID == id {
		return pipeline.Deploy{ID: o.ID, Kind: o.Kind, End: "under way", From: o.From, To: o.To, Batch: o.Batch, Subject: o.Subject,
			By: o.By, Reason: o.Reason, Override: o.Override, Committed: o.Committed, Began: o.Began, Ended: time.Now()}, true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	for deploy, err := range l.desk.Deploys(ctx, "") {
		if err != nil || deploy.ID == id {
			return deploy, false, err
		}
	}
	return pipeline.Deploy{}, false, pipeline.ErrNoDeploy
}
