package buildkite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/hashicorp/go-retryablehttp"
)

// Bounds of a request. A build has its jobs in it; a hundred have some megabytes.
const (
	maxBody      = 64 << 20
	retries      = 2
	retryWaitMin = 200 * time.Millisecond
	retryWaitMax = 2 * time.Second
	mostPause    = 10 * time.Minute
)

// client reads from the API.
type client struct {
	base    string
	token   func(context.Context) (string, error)
	timeout time.Duration
	http    *retryablehttp.Client

	mu    sync.Mutex
	pause time.Time // nothing is asked before
}

func newClient(c Config) *client {
	r := retryablehttp.NewClient()
	if c.Client != nil {
		r.HTTPClient = c.Client
	}
	one := *r.HTTPClient
	one.Timeout = 0 // each request has a limit of its own
	one.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r.HTTPClient = &one
	r.Logger, r.RetryMax, r.RetryWaitMin, r.RetryWaitMax = nil, retries, retryWaitMin, retryWaitMax
	r.ErrorHandler = retryablehttp.PassthroughErrorHandler
	r.CheckRetry = func(ctx context.Context, answer *http.Response, err error) (bool, error) {
		if errors.Is(err, errTooLarge) || err == nil && answer.StatusCode == http.StatusTooManyRequests {
			return false, err
		}
		return retryablehttp.DefaultRetryPolicy(ctx, answer, err)
	}
	r.Backoff = func(least, most time.Duration, try int, answer *http.Response) time.Duration {
		return min(most, retryablehttp.DefaultBackoff(least, most, try, answer))
	}
	return &client{base: c.BaseURL, token: c.Token, timeout: c.Timeout, http: r}
}

// LimitError says that Buildkite is not asked until some time, because its limit of
// requests is reached.
type LimitError struct{ Until time.Time }

// Error says until when.
func (e *LimitError) Error() string {
	return fmt.Sprintf("Buildkite's rate limit is reached until %s: poll less often, or let webhooks wake the deployer", e.Until.Format("15:04:05 MST"))
}

// Temporary reports that the pause ends.
func (e *LimitError) Temporary() bool { return true }

var errTooLarge = fmt.Errorf("the answer is larger than %d MiB", maxBody>>20)

// get reads a path into a value.
func (c *client) get(ctx context.Context, path string, into any) error {
	c.mu.Lock()
	until := c.pause
	c.mu.Unlock()
	if time.Now().Before(until) {
		return &LimitError{until}
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return bare(err)
	}
	token, err := c.token(ctx)
	if err != nil {
		return fmt.Errorf("get Buildkite token: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "muster")
	var body []byte
	read := false
	handle := func(answer *http.Response) (err error) { read = true; body, err = readBody(answer); return err }
	r.SetResponseHandler(handle)
	answer, err := c.http.Do(r)
	if err == nil && !read { // tried to the end
		err = handle(answer)
	}
	if err != nil {
		return bare(err)
	}
	return c.judge(answer, body, into)
}

// judge reads an answer, or makes an error of it.
func (c *client) judge(answer *http.Response, body []byte, into any) error {
	switch answer.StatusCode {
	case http.StatusOK:
		if err := json.Unmarshal(body, into); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		return nil
	case http.StatusTooManyRequests:
		return c.limited(answer.Header)
	}
	var said struct {
		Message string `json:"message"`
	}
	_ = json.Unmarshal(body, &said) // else it has nothing to say
	text := fmt.Sprintf("it answers %s: %s", answer.Status, line(said.Message))
	switch answer.StatusCode {
	case http.StatusUnauthorized:
		text += ": the token has expired or was revoked: make a new one with the scope read_builds"
	case http.StatusForbidden:
		text += ": the token may not do this: give it the scope read_builds"
	case http.StatusNotFound:
		text += ": are the slugs of organization and pipeline right, and may the token see them?"
	}
	return errors.New(text)
}

// limited closes the door until the limit begins anew.
func (c *client) limited(h http.Header) error {
	wait := time.Minute
	for _, name := range []string{"RateLimit-Reset", "Retry-After"} {
		if n, err := strconv.ParseInt(h.Get(name), 10, 32); err == nil && n > 0 {
			wait = min(time.Duration(n)*time.Second, mostPause)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pause = time.Now().Add(wait)
	return &LimitError{c.pause}
}

// readBody reads a body within its bounds and closes it.
func readBody(answer *http.Response) ([]byte, error) {
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = errTooLarge
	}
	return body, err
}

// bare takes the method and the URL off an error: the URL names every commit.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// line makes one short line of somebody's text.
func line(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text[:min(len(text), 300)], ""))
}
