package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

const (
	// pageDeploys is how many deploys the API returns at once, unless fewer are asked
	// for; mostDeploys is how many may be asked for.
	pageDeploys = 100
	mostDeploys = 500
)

// explainer answers "why is my change not live?": an engine does.
type explainer interface {
	Explain(ctx context.Context, revision string) (pipeline.Reason, error)
}

// answer is the API's answer to a request that was recorded.
type answer struct {
	ID string `json:"id"`
}

func (d *Dashboard) routeAPI() {
	d.mux.HandleFunc("GET /api/pipelines", d.apiStatuses)
	api := func(pattern string, serve func(http.ResponseWriter, *http.Request, *lane)) {
		d.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if l := d.admit(w, r); l != nil {
				serve(w, r, l)
			}
		})
	}
	api("GET /api/pipelines/{pipeline}", d.apiStatus)
	api("POST /api/pipelines/{pipeline}/requests", d.apiRequest)
	api("GET /api/pipelines/{pipeline}/deploys", d.apiDeploys)
	api("GET /api/pipelines/{pipeline}/deploys/{deploy}/log", d.apiLog)
	api("GET /api/pipelines/{pipeline}/plan", d.apiPlan)
	api("GET /api/pipelines/{pipeline}/reason", d.apiReason)
}

// apiStatuses lists the pipelines that may be read, as they were read last.
func (d *Dashboard) apiStatuses(w http.ResponseWriter, r *http.Request) {
	lanes, _, err := d.readable(r)
	if err != nil {
		d.refused(w, r, err)
		return
	}
	d.readAll(r.Context(), lanes)
	all := []pipeline.Status{}
	for _, l := range lanes {
		if v := l.now(); v.err == nil && !v.read.IsZero() {
			all = append(all, v.status)
		}
	}
	writeJSON(w, http.StatusOK, all)
}

// apiStatus asks the pipeline itself: a program that asks wants to know, and says
// itself how often.
func (d *Dashboard) apiStatus(w http.ResponseWriter, r *http.Request, l *lane) {
	s, err := l.p.Status(r.Context())
	reply(w, s, err)
}

// apiRequest records a request of the wire form.
func (d *Dashboard) apiRequest(w http.ResponseWriter, r *http.Request, l *lane) {
	// Another origin's page cannot send this type without asking first.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		writeError(w, http.StatusUnsupportedMediaType, apiError{Error: "send a request as application/json"})
		return
	}
	user, err := d.allow(r, Access{Pipeline: l.name, Act: true})
	if err != nil {
		d.refused(w, r, err)
		return
	}
	q, err := readRequest(w, r, user)
	if err != nil {
		writeFailure(w, "", err)
		return
	}
	if _, err := d.allowRequest(r, l, q); err != nil {
		d.refused(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), doTime)
	defer cancel()
	id, err := l.p.Do(ctx, q)
	l.touch(0)
	if err != nil {
		writeFailure(w, id, err)
		return
	}
	writeJSON(w, http.StatusOK, answer{id})
}

// readRequest reads a request. Whoever is not trusted to act for others acts in the
// own name.
func readRequest(w http.ResponseWriter, r *http.Request, user User) (pipeline.Request, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, &pipeline.Refusal{Code: pipeline.Invalid, Reason: fmt.Sprintf("the request has more than %d bytes: say the reason shorter", maxBody)}
	}
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	q, err := pipeline.DecodeRequest(body)
	if err != nil {
		return nil, &pipeline.Refusal{Code: pipeline.Invalid, Reason: err.Error()}
	}
	return amend(q, func(a *pipeline.Asked) {
		if !user.Relay {
			a.By = user.Name
		}
	})
}

// apiDeploys returns a page of the history, newest first.
func (d *Dashboard) apiDeploys(w http.ResponseWriter, r *http.Request, l *lane) {
	limit := pageDeploys
	if text := r.FormValue("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostDeploys {
			writeError(w, http.StatusBadRequest, apiError{Error: fmt.Sprintf("limit is %q: want 1 to %d", text, mostDeploys)})
			return
		}
		limit = n
	}
	deploys := []pipeline.Deploy{}
	for deploy, err := range l.desk.Deploys(r.Context(), r.FormValue("before")) {
		if err != nil {
			writeFailure(w, "", err)
			return
		}
		if deploys = append(deploys, deploy); len(deploys) == limit {
			break
		}
	}
	writeJSON(w, http.StatusOK, deploys)
}

func (d *Dashboard) apiLog(w http.ResponseWriter, r *http.Request, l *lane) {
	log, err := l.desk.Log(r.Context(), r.PathValue("deploy"))
	if err != nil {
		writeFailure(w, "", err)
		return
	}
	defer log.Close()
	copyLog(w, log)
}

func (d *Dashboard) apiPlan(w http.ResponseWriter, r *http.Request, l *lane) {
	p, ok := l.p.(planner)
	if !ok {
		writeFailure(w, "", errNoEngine)
		return
	}
	plan, err := p.Plan(r.Context())
	reply(w, plan, err)
}

func (d *Dashboard) apiReason(w http.ResponseWriter, r *http.Request, l *lane) {
	p, ok := l.p.(explainer)
	if !ok {
		writeFailure(w, "", errNoEngine)
		return
	}
	reason, err := p.Explain(r.Context(), r.FormValue("revision"))
	reply(w, reason, err)
}

// reply answers with a value, or with why there is none.
func reply(w http.ResponseWriter, v any, err error) {
	if err != nil {
		writeFailure(w, "", err)
		return
	}
	writeJSON(w, http.StatusOK, v)
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute))
	_, _ = w.Write(append(data, '\n'))
}
