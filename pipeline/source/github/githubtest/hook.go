package githubtest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Hook is where a repository sends its events.
type Hook struct {
	// URL is where they go, by a POST.
	URL string
	// Secret signs them.
	Secret string
	// Client sends them. Nil: http.DefaultClient.
	Client *http.Client
}

// HandlerHook is a hook that calls a handler, without a network.
func HandlerHook(h http.Handler, secret string) Hook {
	return Hook{URL: "https://deployer.test/github", Secret: secret, Client: &http.Client{Transport: Transport(h)}}
}

// Delivery is one event, as it is sent.
type Delivery struct {
	ID    string // X-GitHub-Delivery
	Event string // X-GitHub-Event
	Body  []byte // JSON
}

// Hook adds a hook. What happens from now on is sent to it, in order, by the goroutine
// that makes it happen. What cannot be delivered is lost, as on GitHub.
func (r *Repository) Hook(h Hook) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	r.hooks = append(r.hooks, h)
}

// Unhook removes all hooks: webhooks are lost.
func (r *Repository) Unhook() {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	r.hooks = nil
}

// Deliveries lists all events so far, sent or not, oldest first.
func (r *Repository) Deliveries() []Delivery {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return slices.Clone(r.deliveries)
}

// Sign returns the value of X-Hub-Signature-256 for a body.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// Request returns the request with which a delivery comes, as GitHub makes it.
func (d Delivery) Request(url, secret string) *http.Request {
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(d.Body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "GitHub-Hookshot/test")
	r.Header.Set("X-GitHub-Event", d.Event)
	r.Header.Set("X-GitHub-Delivery", d.ID)
	r.Header.Set("X-GitHub-Hook-ID", "1")
	r.Header.Set("X-Hub-Signature-256", Sign(secret, d.Body))
	return r
}

// send sends a delivery to hooks.
func (d Delivery) send(hooks []Hook) {
	for _, h := range hooks {
		client := h.Client
		if client == nil {
			client = http.DefaultClient
		}
		if answer, err := client.Do(d.Request(h.URL, h.Secret)); err == nil {
			answer.Body.Close()
		}
	}
}

// tell queues an event. The server is locked.
func (r *Repository) tell(event string, payload object) {
	payload["repository"] = object{"id": r.id, "full_name": r.name, "name": r.name[strings.Index(r.name, "/")+1:]}
	payload["sender"] = object{"login": "ann"}
	body, err := json.Marshal(payload)
	if err != nil {
		panic(err)
	}
	id := r.server.id()
	r.deliveries = append(r.deliveries, Delivery{
		ID: fmt.Sprintf("72d3162e-cc78-11e3-81ab-%012x", id), Event: event, Body: body,
	})
}

const noCommit = "0000000000000000000000000000000000000000"

// tellPush tells that a branch moved.
func (r *Repository) tellPush(branch, before string) {
	after := r.branches[branch]
	payload := object{"ref": "refs/heads/" + branch, "before": before, "after": after,
		"created": before == "", "deleted": after == "", "forced": before != "" && !r.reachable(after)[before]}
	if before == "" {
		payload["before"] = noCommit
	}
	if after == "" {
		payload["after"], payload["head_commit"] = noCommit, nil
	} else {
		payload["head_commit"] = object{"id": after, "message": r.commits[after].Message}
	}
	r.tell("push", payload)
}

// tellStatus tells of a commit status.
func (r *Repository) tellStatus(sha string, s status) {
	branches := []object{}
	for name, head := range r.branches {
		if head == sha {
			branches = append(branches, object{"name": name, "commit": object{"sha": head}})
		}
	}
	r.tell("status", object{"id": s.id, "sha": sha, "context": s.context, "state": s.state, "branches": branches})
}

// tellCheck tells of a check run.
func (r *Repository) tellCheck(sha string, c run) {
	shown := c.show(sha)
	suite := object{"id": c.id, "head_sha": sha, "head_branch": nil}
	for name, head := range r.branches {
		if head == sha {
			suite["head_branch"] = name
		}
	}
	shown["check_suite"] = suite
	action := "created"
	if c.status == "completed" {
		action = "completed"
	}
	r.tell("check_run", object{"action": action, "check_run": shown})
}
