package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Slack is a Receiver: an incoming webhook of Slack, or of what understands the same.
type Slack struct {
	// URL is the webhook's. It is a secret: no error holds it.
	URL string
	// Client makes the requests. Nil: one of its own.
	Client *http.Client
}

func (s Slack) validate() error { return checkURL(s.URL) }

// Send implements Receiver.
func (s Slack) Send(ctx context.Context, m Message) error {
	body, err := json.Marshal(map[string]any{
		"text": slackText(m), "mrkdwn": false, "link_names": false, "parse": "none", "unfurl_links": false, "unfurl_media": false,
	})
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	return post(ctx, s.Client, s.URL, http.Header{}, body)
}

// slackText is a message as one line of text.
func slackText(m Message) string {
	about := m.Pipeline
	switch m.Kind {
	case Broke, Fixed, RolledBack: // the others' sentences say it
		about += " " + string(m.Kind)
	}
	text := slackEscape(about + ": " + m.Text)
	if m.URL != "" {
		text += " <" + slackURL.Replace(m.URL) + ">"
	}
	return text
}

// slackEscape makes text of a text: <, > and & begin what Slack understands as mentions
// and links. A name after an @ is parted from it, so that nobody is mentioned where
// names are linked all the same.
func slackEscape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "@\u200b").Replace(text)
}

// slackURL keeps a URL from ending its link.
var slackURL = strings.NewReplacer("<", "%3C", ">", "%3E", "|", "%7C", "&", "&amp;", "\n", "", "\r", "")
