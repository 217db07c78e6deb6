package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Failure is an answer of GitHub's that refuses.
type Failure struct {
	Method, URL string
	// Status is the HTTP status.
	Status int
	// Message is what GitHub says, on one line.
	Message string
	// Needs names the permissions that GitHub says are needed; it is empty where it
	// does not say.
	Needs string
}

// Error says what was asked, what GitHub said, and what to do.
func (e *Failure) Error() string {
	text := fmt.Sprintf("%s %s: GitHub answers %d: %s", e.Method, e.URL, e.Status, e.Message)
	switch {
	case e.Status == http.StatusUnauthorized:
		return text + ": the token has expired or was revoked: make a new one that may read contents, commit statuses and checks"
	case e.Status == http.StatusForbidden && e.Needs != "":
		return text + ": the token may not do this: give it " + e.Needs
	case e.Status == http.StatusForbidden:
		return text + ": the token may not do this: let it read contents, commit statuses and checks (and write deployments, if you do that)"
	case e.Status == http.StatusNotFound:
		return text + ": it is not there, or the token may not see it"
	case e.Status/100 == 3:
		return text + ": the repository has moved: name it as it is called now"
	}
	return text
}

// Temporary reports whether asking again later may help.
func (e *Failure) Temporary() bool { return e.Status >= 500 }

// refusedWith reports whether an error is an answer of one of these statuses.
func refusedWith(err error, statuses ...int) bool {
	var refused *Failure
	return errors.As(err, &refused) && slices.Contains(statuses, refused.Status)
}

// failure makes an error of an answer.
func (c *client) failure(method, url string, a answer) error {
	var said struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(a.body, &said) != nil || said.Message == "" {
		said.Message = http.StatusText(a.status)
	}
	return &Failure{
		Method: method, URL: shown(url), Status: a.status,
		Message: line(said.Message, 300), Needs: line(a.header.Get("X-Accepted-GitHub-Permissions"), 200),
	}
}

// line makes one line of somebody's text, of at most n bytes.
func line(text string, n int) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, text[:min(len(text), 4*n)])
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
