package githubtest

import (
	"net/http"
	"slices"
	"time"
)

// status is a commit status.
type status struct {
	id             int64
	context, state string
	at             time.Time
}

// run is a check run.
type run struct {
	id                       int64
	name, status, conclusion string
	at                       time.Time
}

// SetStatus sets a commit status: the context's last word. The state is "pending",
// "success", "failure" or "error".
func (r *Repository) SetStatus(sha, context, state string) {
	defer r.lock()()
	s := status{id: r.server.id(), context: context, state: state, at: time.Now()}
	r.statuses[sha] = append(slices.DeleteFunc(r.statuses[sha], func(o status) bool { return o.context == context }), s)
	r.tellStatus(sha, s)
}

// SetCheck sets a check run: the last one of its name. The status is "queued",
// "in_progress" or "completed"; the conclusion of one that is completed is "success",
// "failure", "neutral", "cancelled", "skipped", "timed_out" and so on.
func (r *Repository) SetCheck(sha, name, state, conclusion string) {
	defer r.lock()()
	c := run{id: r.server.id(), name: name, status: state, conclusion: conclusion, at: time.Now()}
	r.runs[sha] = append(slices.DeleteFunc(r.runs[sha], func(o run) bool { return o.name == name }), c)
	r.tellCheck(sha, c)
}

// status answers with the combined status of a commit.
func (s *Server) status(r *http.Request) reply {
	repository, c, refused := s.judged(r)
	if refused != nil {
		return *refused
	}
	all := repository.statuses[c.sha]
	shown, page, last := paged(r, all)
	list := []object{}
	for _, one := range shown {
		list = append(list, object{"id": one.id, "context": one.context, "state": one.state, "updated_at": stamp(one.at)})
	}
	return reply{status: http.StatusOK, page: page, lastPage: last, what: object{
		"sha": c.sha, "state": combined(all), "total_count": len(all), "statuses": list,
	}}
}

// combined is GitHub's own summary of statuses.
func combined(all []status) string {
	state := "success"
	if len(all) == 0 {
		return "pending"
	}
	for _, s := range all {
		switch s.state {
		case "failure", "error":
			return "failure"
		case "pending":
			state = "pending"
		}
	}
	return state
}

// checkRuns answers with the last check runs of a commit.
func (s *Server) checkRuns(r *http.Request) reply {
	repository, c, refused := s.judged(r)
	if refused != nil {
		return *refused
	}
	all := repository.runs[c.sha]
	shown, page, last := paged(r, all)
	list := []object{}
	for _, one := range shown {
		list = append(list, one.show(c.sha))
	}
	return reply{status: http.StatusOK, page: page, lastPage: last, what: object{"total_count": len(all), "check_runs": list}}
}

// show is a check run as the API shows it.
func (c run) show(sha string) object {
	shown := object{
		"id": c.id, "name": c.name, "head_sha": sha, "status": c.status, "conclusion": nil,
		"started_at": stamp(c.at), "completed_at": nil, "app": object{"id": 15368, "slug": "github-actions"},
	}
	if c.status == "completed" {
		shown["conclusion"], shown["completed_at"] = c.conclusion, stamp(c.at)
	}
	return shown
}

// judged finds the commit whose verdict is asked for.
func (s *Server) judged(r *http.Request) (*Repository, *commit, *reply) {
	repository, refused := s.find(r)
	if refused != nil {
		return nil, nil, refused
	}
	c := repository.resolve(r.PathValue("ref"))
	if c == nil {
		refused := refuse(http.StatusUnprocessableEntity, "No commit found for SHA: %s", r.PathValue("ref"))
		return nil, nil, &refused
	}
	return repository, c, nil
}
