package buildkite

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Bounds of a webhook.
const (
	maxHook    = 5 << 20
	hookAtOnce = 8
	hookTime   = 10 * time.Second
	// hookAge is how old a signature may be, and how far ahead a clock: a webhook that
	// is replayed later wakes nobody.
	hookAge = 5 * time.Minute
)

// Webhook is an http.Handler for Buildkite's webhooks: it wakes pipelines when a build
// has ended. Choose a signature, rather than a token in the header, and the event
// build.finished. A webhook that is lost costs one poll interval.
type Webhook struct {
	secret []byte
	wake   []func()
	slots  chan struct{}
}

// NewWebhook returns the handler of webhooks that are signed with a secret. Each function
// is called for each of them: an engine's Wake.
func NewWebhook(secret string, wake ...func()) (*Webhook, error) {
	if secret == "" {
		return nil, errors.New("configure webhook: the secret is empty: anybody could wake the pipelines")
	}
	return &Webhook{secret: []byte(secret), wake: wake, slots: make(chan struct{}, hookAtOnce)}, nil
}

// ServeHTTP implements http.Handler.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, text := h.serve(w, r)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // who does not hear it does not need it
}

func (h *Webhook) serve(w http.ResponseWriter, r *http.Request) (status int, text string) {
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed, "webhooks are posted"
	case r.ContentLength > maxHook:
		w.Header().Set("Connection", "close")
		return http.StatusRequestEntityTooLarge, "the body is too large"
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		return http.StatusServiceUnavailable, "too many webhooks at once"
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(hookTime)) // where that can be done
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxHook))
	var larger *http.MaxBytesError
	switch {
	case errors.As(err, &larger):
		return http.StatusRequestEntityTooLarge, "the body is too large"
	case err != nil:
		return http.StatusBadRequest, "the body did not come whole"
	case !h.signed(r.Header.Get("X-Buildkite-Signature"), body, time.Now()):
		return http.StatusUnauthorized, "the signature does not fit: is the secret the same on both sides, and are the clocks right?"
	case r.Header.Get("X-Buildkite-Event") != "build.finished":
		return http.StatusOK, "nothing to do"
	}
	for _, wake := range h.wake {
		wake()
	}
	return http.StatusOK, "woken"
}

// signed reports whether a header "timestamp=...,signature=..." is that of a body, in a
// time that does not depend on where it differs.
func (h *Webhook) signed(header string, body []byte, now time.Time) bool {
	var stamp, signature string
	for part := range strings.SplitSeq(header, ",") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(part), "="); name {
		case "timestamp":
			stamp = value
		case "signature":
			signature = value
		}
	}
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || now.Sub(time.Unix(at, 0)).Abs() > hookAge {
		return false
	}
	given, err := hex.DecodeString(signature)
	mac := hmac.New(sha256.New, h.secret)
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return hmac.Equal(mac.Sum(nil), given) && err == nil
}
