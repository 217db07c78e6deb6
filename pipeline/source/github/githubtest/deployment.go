package githubtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Deployment is a deployment that a client wrote, with its statuses, oldest first.
type Deployment struct {
	ID          int64
	SHA         string
	Environment string
	Task        string
	Description string
	Payload     json.RawMessage
	Statuses    []DeploymentStatus
}

// DeploymentStatus is one status of a deployment.
type DeploymentStatus struct {
	State       string
	Description string
	LogURL      string
	At          time.Time
}

type deployment struct{ Deployment }

// maxDescription is how long GitHub lets a status's description be.
const maxDescription = 140

// Deployments lists what clients wrote, oldest first.
func (r *Repository) Deployments() []Deployment {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	var all []Deployment
	for _, d := range r.deployments {
		one := d.Deployment
		one.Statuses = slices.Clone(one.Statuses)
		all = append(all, one)
	}
	return all
}

func (s *Server) deployments(r *http.Request) reply {
	repository, refused := s.find(r)
	if refused != nil {
		return *refused
	}
	q := r.URL.Query()
	var found []object
	for _, d := range slices.Backward(repository.deployments) {
		if match(q.Get("sha"), d.SHA) && match(q.Get("environment"), d.Environment) && match(q.Get("task"), d.Task) {
			found = append(found, d.show())
		}
	}
	shown, page, last := paged(r, found)
	if shown == nil {
		shown = []object{}
	}
	return reply{status: http.StatusOK, what: shown, page: page, lastPage: last}
}

func match(want, is string) bool { return want == "" || want == is }

func (d *deployment) show() object {
	return object{
		"id": d.ID, "sha": d.SHA, "ref": d.SHA, "environment": d.Environment, "task": d.Task,
		"description": d.Description, "payload": d.Payload,
	}
}

func (s *Server) createDeployment(r *http.Request) reply {
	repository, refused := s.find(r)
	if refused != nil {
		return *refused
	}
	var in struct {
		Ref, Environment, Task, Description string
		Payload                             json.RawMessage
		RequiredContexts                    *[]string `json:"required_contexts"`
		AutoMerge                           *bool     `json:"auto_merge"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	c := repository.resolve(in.Ref)
	if c == nil {
		return refuse(http.StatusUnprocessableEntity, "No ref found for: %s", in.Ref)
	}
	if in.RequiredContexts == nil && combined(repository.statuses[c.sha]) != "success" {
		return refuse(http.StatusConflict, "Conflict: Commit status checks failed for %s.", in.Ref)
	}
	d := &deployment{Deployment{
		ID: s.id(), SHA: c.sha, Environment: in.Environment, Task: in.Task, Description: in.Description, Payload: in.Payload,
	}}
	repository.deployments = append(repository.deployments, d)
	return reply{status: http.StatusCreated, what: d.show()}
}

// deploymentOf finds the deployment that a request names.
func (s *Server) deploymentOf(r *http.Request) (*Repository, *deployment, *reply) {
	repository, refused := s.find(r)
	if refused != nil {
		return nil, nil, refused
	}
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	for _, d := range repository.deployments {
		if d.ID == id {
			return repository, d, nil
		}
	}
	gone := notFound()
	return nil, nil, &gone
}

func (s *Server) deploymentStatuses(r *http.Request) reply {
	_, d, refused := s.deploymentOf(r)
	if refused != nil {
		return *refused
	}
	all := []object{}
	for _, one := range slices.Backward(d.Statuses) {
		all = append(all, one.show())
	}
	shown, page, last := paged(r, all)
	return reply{status: http.StatusOK, what: shown, page: page, lastPage: last}
}

func (s DeploymentStatus) show() object {
	return object{"state": s.State, "description": s.Description, "log_url": s.LogURL, "created_at": stamp(s.At)}
}

var deploymentStates = []string{"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}

func (s *Server) createDeploymentStatus(r *http.Request) reply {
	repository, d, refused := s.deploymentOf(r)
	if refused != nil {
		return *refused
	}
	var in struct {
		State, Description string
		LogURL             string `json:"log_url"`
		AutoInactive       *bool  `json:"auto_inactive"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	if !slices.Contains(deploymentStates, in.State) || len([]rune(in.Description)) > maxDescription {
		return refuse(http.StatusUnprocessableEntity, "Validation Failed")
	}
	made := DeploymentStatus{State: in.State, Description: in.Description, LogURL: in.LogURL, At: time.Now()}
	d.Statuses = append(d.Statuses, made)
	if in.State == "success" && (in.AutoInactive == nil || *in.AutoInactive) {
		repository.deactivate(d)
	}
	return reply{status: http.StatusCreated, what: made.show()}
}

// deactivate ends what was active in an environment before.
func (r *Repository) deactivate(but *deployment) {
	for _, d := range r.deployments {
		n := len(d.Statuses)
		if d != but && d.Environment == but.Environment && n > 0 && d.Statuses[n-1].State == "success" {
			d.Statuses = append(d.Statuses, DeploymentStatus{State: "inactive", At: time.Now()})
		}
	}
}
