package notify

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kind says what changed.
type Kind string

// What is told.
const (
	// Live: a change went live.
	Live Kind = "live"
	// Broke: a deploy failed, a rollback began or failed, automation stopped, or the
	// verdict of what is live turned red.
	Broke Kind = "broke"
	// Fixed: the first change that went live after Broke.
	Fixed Kind = "fixed"
	// Held and Lifted: a hold was placed; it was lifted, or has ended.
	Held   Kind = "held"
	Lifted Kind = "lifted"
	// RolledBack: a rollback has ended well.
	RolledBack Kind = "rolled back"
	// Resumed: automation goes on after a stop.
	Resumed Kind = "resumed"
)

// kinds are all there are.
var kinds = []Kind{Live, Broke, Fixed, Held, Lifted, RolledBack, Resumed}

// Message is one thing that changed. It is the body of a Webhook, as JSON.
type Message struct {
	// ID names the message: it is the same each time it is tried.
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Pipeline string    `json:"pipeline"`
	Kind     Kind      `json:"kind"`
	// Text is a sentence for people, without the pipeline's name. It holds others' text.
	Text string `json:"text"`
	// Deploy and Revision are what it is about, where it is about a deploy; Subject is
	// the first line of its commit message.
	Deploy   string `json:"deploy,omitempty"`
	Revision string `json:"revision,omitempty"`
	Subject  string `json:"subject,omitempty"`
	// By and Reason are a person's, where a person did it.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// URL is where people can read more, as Config.URL says.
	URL string `json:"url,omitempty"`
	// Missed is how many messages before this one were dropped.
	Missed int `json:"missed,omitempty"`
}

// Bounds of others' text, in bytes.
const (
	maxText  = 1500
	maxField = 500
)

// bounded returns the message with its texts on one line each, and short.
func (m Message) bounded() Message {
	m.Text = line(m.Text, maxText)
	for _, s := range []*string{&m.Deploy, &m.Revision, &m.Subject, &m.By, &m.Reason} {
		*s = line(*s, maxField)
	}
	return m
}

// line makes one line of a text, of at most n bytes. What would turn the direction of
// the rest, or cannot be seen, is left out.
func line(text string, n int) string {
	text = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsControl(c), c == '\u2028', c == '\u2029':
			return ' '
		case unicode.Is(unicode.Cf, c):
			return -1
		}
		return c
	}, text[:min(len(text), 4*n)])
	if len(text) <= n {
		return text
	}
	const dots = "..."
	n -= len(dots)
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + dots
}
