package github

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of what webhooks may cost, whoever sends them.
const (
	DefaultMaxBody = 5 << 20 // of a body, in bytes

	atOnce      = 8                // bodies that are read at once
	readTime    = 10 * time.Second // GitHub gives up then, too
	keepReplays = 4096             // deliveries that are recognised when they come again
)

// WebhookConfig says which webhooks are believed.
type WebhookConfig struct {
	// Secrets are those with which GitHub signs: one of them has to fit, so that a
	// secret can be changed without losing a webhook. At least one.
	Secrets []string
	// MaxBody is how large a body may be, in bytes. What is larger is refused, and costs
	// one poll interval. Zero: DefaultMaxBody.
	MaxBody int64
	// Log is told of deliveries, for debugging. Nil: nobody.
	Log *slog.Logger
}

// Webhooks is an http.Handler for GitHub's webhooks of any number of repositories: it
// wakes the pipelines that an event concerns. Choose the content type application/json
// and the events push, status, check runs and check suites; others do no harm.
//
// A webhook is a hint. One that is lost costs one poll interval, one that comes twice
// or long after is at most a poll too many, and none says what to deploy.
type Webhooks struct {
	c     WebhookConfig
	slots chan struct{}
	seen  replays

	mu        sync.Mutex
	followers []follower
}

// follower is a branch, and what is woken when there is news of it.
type follower struct {
	branch *Branch
	wake   func()
}

// NewWebhooks returns the handler that c describes.
func NewWebhooks(c WebhookConfig) (*Webhooks, error) {
	var errs []error
	if len(c.Secrets) == 0 || slices.Contains(c.Secrets, "") {
		errs = append(errs, errors.New("Secrets is empty, or holds an empty one: anybody could wake the pipelines"))
	}
	if c.MaxBody < 0 {
		errs = append(errs, errors.New("MaxBody is negative"))
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("configure webhooks:\n%w", errors.Join(errs...))
	}
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Secrets = slices.Clone(c.Secrets)
	return &Webhooks{c: c, slots: make(chan struct{}, atOnce)}, nil
}

// Add makes news of a branch wake a pipeline: wake is an engine's Wake. It may be
// called while webhooks come.
func (h *Webhooks) Add(b *Branch, wake func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.followers = append(h.followers, follower{b, wake})
}

// ServeHTTP implements http.Handler. What it answers is for people who look at the
// deliveries on GitHub.
func (h *Webhooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, text := h.serve(w, r)
	h.c.Log.Debug("webhook", "event", line(r.Header.Get("X-GitHub-Event"), 50), "status", status, "answer", text)
	if status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // who does not hear it does not need it
}

func (h *Webhooks) serve(w http.ResponseWriter, r *http.Request) (status int, text string) {
	if r.Method != http.MethodPost {
		return http.StatusMethodNotAllowed, "webhooks are posted"
	}
	body, status, text := h.read(w, r)
	if status != 0 {
		return status, text
	}
	signature, err := hex.DecodeString(strings.TrimPrefix(r.Header.Get("X-Hub-Signature-256"), "sha256="))
	if err != nil || !h.signed(body, signature) {
		return http.StatusUnauthorized, "the signature does not fit: is the secret the same on both sides?"
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return http.StatusUnsupportedMediaType, "choose the content type application/json for this webhook"
	}
	if h.seen.again([sha256.Size]byte(signature)) {
		return http.StatusOK, "this came before"
	}
	n, err := parse(r.Header.Get("X-GitHub-Event"), body)
	if err != nil {
		return http.StatusBadRequest, "the body is not as GitHub sends it"
	}
	return http.StatusOK, h.tell(n)
}

// read reads a body within its bounds. One that says that it is too large is not begun.
func (h *Webhooks) read(w http.ResponseWriter, r *http.Request) (body []byte, status int, text string) {
	tooLarge := fmt.Sprintf("the body is larger than %d bytes", h.c.MaxBody)
	if r.ContentLength > h.c.MaxBody {
		w.Header().Set("Connection", "close") // and what is on its way is not read either
		return nil, http.StatusRequestEntityTooLarge, tooLarge
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		return nil, http.StatusServiceUnavailable, "too many webhooks at once"
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTime)) // where that can be done
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.c.MaxBody))
	var larger *http.MaxBytesError
	switch {
	case errors.As(err, &larger):
		return nil, http.StatusRequestEntityTooLarge, tooLarge
	case err != nil:
		return nil, http.StatusBadRequest, "the body did not come whole"
	}
	return body, 0, ""
}

// signed reports whether a signature is that of a body, in a time that does not depend
// on where they differ.
func (h *Webhooks) signed(body, signature []byte) bool {
	fits := false
	for _, secret := range h.c.Secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		if hmac.Equal(mac.Sum(nil), signature) {
			fits = true
		}
	}
	return fits
}

// tell wakes whom the news concerns, and says how many that were.
func (h *Webhooks) tell(n news) string {
	h.mu.Lock()
	followers := slices.Clone(h.followers)
	h.mu.Unlock()
	known, woken := 0, 0
	for _, f := range followers {
		if !strings.EqualFold(f.branch.c.Repository, n.repository) {
			continue
		}
		known++
		if n.concerns(f.branch) {
			woken++
			f.wake()
		}
	}
	if known == 0 {
		return "no pipeline here follows " + line(n.repository, 200)
	}
	return fmt.Sprintf("woke %d of %d pipelines", woken, known)
}

// replays remember signatures, the last ones. An id that GitHub sends with a delivery is
// not signed, so it proves nothing; a body that was signed before does.
type replays struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]bool
	order [][sha256.Size]byte
	next  int
}

// again notes a signature, and reports whether it was noted before.
func (r *replays) again(signature [sha256.Size]byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[[sha256.Size]byte]bool{}
	}
	if r.known[signature] {
		return true
	}
	r.known[signature] = true
	if len(r.order) < keepReplays {
		r.order = append(r.order, signature)
		return false
	}
	delete(r.known, r.order[r.next])
	r.order[r.next] = signature
	r.next = (r.next + 1) % keepReplays
	return false
}
