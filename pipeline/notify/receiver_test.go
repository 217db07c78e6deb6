package notify

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// server answers with a status and returns what came.
func server(t *testing.T, status int) (*httptest.Server, <-chan *http.Request, <-chan []byte) {
	t.Helper()
	requests, bodies := make(chan *http.Request, 10), make(chan []byte, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- r
		bodies <- body
		w.Header().Set("Retry-After", "7")
		w.Header().Set("Location", "https://example.com/elsewhere")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("invalid_payload\n" + strings.Repeat("x", 1<<20)))
	}))
	t.Cleanup(s.Close)
	return s, requests, bodies
}

func TestSlackMentionsNobodyAndLinksNothing(t *testing.T) {
	t.Parallel()
	s, _, bodies := server(t, http.StatusOK)
	m := Message{
		Pipeline: "web", Kind: Broke, URL: "https://deployer.test/?a=1&b=<2>|x",
		Text: `1-abc "<!channel> <@U123> <https://evil.test|all is well> & @here @channel *bold*" failed`,
	}
	require.NoError(t, Slack{URL: s.URL}.Send(t.Context(), m))
	var sent struct {
		Text   string
		Mrkdwn *bool
		Unfurl *bool `json:"unfurl_links"`
	}
	require.NoError(t, json.Unmarshal(<-bodies, &sent))
	text, link, _ := strings.Cut(sent.Text, " <https://deployer.test/")
	require.Equal(t, "web broke: 1-abc \"&lt;!channel&gt; &lt;@\u200bU123&gt; &lt;https://evil.test|all is well&gt; &amp; @\u200bhere @\u200bchannel *bold*\" failed", text)
	require.Equal(t, "?a=1&amp;b=%3C2%3E%7Cx>", link)
	require.False(t, *sent.Mrkdwn || *sent.Unfurl)
}

func FuzzSlackText(f *testing.F) {
	f.Add("<!channel>", "https://x/<!here>")
	f.Add("a\u202e<@U1>\n&amp;", "")
	f.Fuzz(func(t *testing.T, text, url string) {
		m := Message{Pipeline: "web", Text: text, URL: url}.bounded()
		said := slackText(m)
		if url == "" {
			require.NotContains(t, said, "<")
			require.NotContains(t, said, ">")
		}
		require.LessOrEqual(t, strings.Count(said, "<"), 1)
		for _, part := range strings.Split(said, "&")[1:] {
			require.True(t, strings.HasPrefix(part, "amp;") || strings.HasPrefix(part, "lt;") || strings.HasPrefix(part, "gt;"))
		}
	})
}

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func TestAWebhookIsSignedAndVerifies(t *testing.T) {
	t.Parallel()
	s, requests, bodies := server(t, http.StatusNoContent)
	m := Message{ID: "id", Pipeline: "web", Kind: Fixed, Text: "<b>", At: time.Now().UTC().Truncate(time.Second)}
	require.NoError(t, Webhook{URL: s.URL, Secret: secret}.Send(t.Context(), m))
	r, body := <-requests, <-bodies
	got, err := Verify(secret, r.Header, body)
	require.NoError(t, err)
	require.Equal(t, m, got)

	with := func(name, value string) http.Header {
		h := r.Header.Clone()
		h.Set(name, value)
		return h
	}
	old := time.Now().Add(-6 * time.Minute).Unix()
	for what, h := range map[string]http.Header{
		"another id":       with("Webhook-Id", "other"),
		"another time":     with("Webhook-Timestamp", "1"),
		"no time":          with("Webhook-Timestamp", ""),
		"no signature":     with("Webhook-Signature", ""),
		"another version":  with("Webhook-Signature", "v2,"+strings.TrimPrefix(r.Header.Get("Webhook-Signature"), "v1,")),
		"half a signature": with("Webhook-Signature", r.Header.Get("Webhook-Signature")[:20]),
	} {
		_, err := Verify(secret, h, body)
		require.ErrorIs(t, err, ErrUnsigned, what)
	}
	_, err = Verify(secret, r.Header, append(body, ' '))
	require.ErrorIs(t, err, ErrUnsigned)
	_, err = Verify("another secret of theirs", r.Header, body)
	require.ErrorIs(t, err, ErrUnsigned)
	k, err := key(secret)
	require.NoError(t, err)
	stale := http.Header{}
	stale.Set("Webhook-Id", "id")
	stale.Set("Webhook-Timestamp", json.Number(time.Unix(old, 0).Format("0")).String())
	stale.Set("Webhook-Signature", "v1,"+sign(k, "id", stale.Get("Webhook-Timestamp"), body))
	_, err = Verify(secret, stale, body)
	require.ErrorIs(t, err, ErrUnsigned, "an old one that is sent again")
	several := with("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString([]byte("x"))+" "+r.Header.Get("Webhook-Signature"))
	_, err = Verify(secret, several, body)
	require.NoError(t, err, "while a secret is changed there are two")
}

// TestTheStandardsOwnExample checks against the example of the specification.
func TestTheStandardsOwnExample(t *testing.T) {
	k, err := key(secret)
	require.NoError(t, err)
	require.Equal(t, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		sign(k, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)))
}

func TestErrorsOfReceiversHoldNoSecret(t *testing.T) {
	t.Parallel()
	for status, last := range map[int]bool{400: true, 404: true, 410: true, 408: false, 429: false, 500: false, 503: false, 302: false} {
		s, _, _ := server(t, status)
		err := Slack{URL: s.URL + "/services/SECRET"}.Send(t.Context(), Message{})
		var refused *Refused
		require.ErrorAs(t, err, &refused)
		require.Equal(t, 7*time.Second, refused.After)
		require.Equal(t, last, final(err), status)
		require.NotContains(t, err.Error(), "SECRET")
		require.LessOrEqual(t, len(err.Error()), 300)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, url := range []string{gone.URL + "/services/SECRET", "https://hooks.slack.test/services/SECRET", "http://[SECRET"} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		err := Slack{URL: url}.Send(ctx, Message{})
		cancel()
		require.Error(t, err)
		require.NotContains(t, err.Error(), "SECRET")
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("id", "1", "v1,x", "{}")
	f.Fuzz(func(t *testing.T, id, stamp, signature, body string) {
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {signature}}
		_, err := Verify(secret, h, []byte(body))
		require.Error(t, err)
	})
}
