// Package platform speaks Heroku's Platform API, version 3, about one app: it repeats what
// may be repeated, reads lists page by page, spends no more requests than there are, and
// says what to do about a refusal. It is what the package heroku is built on, and knows
// nothing of orders.
//
//	c := platform.New(platform.Options{App: "acme-shop", Token: token})
//	app, err := c.App(ctx)
package platform

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
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Low is the number of requests left in the hour from which on each waits for a pause
// first: Heroku gives 75 back in a minute.
const Low = 100

const (
	retries  = 4                // of one request
	limit    = time.Minute      // of one try, but for uploads and outputs
	silence  = 30 * time.Second // without an answer, which is when Heroku gives up itself
	maxBody  = 16 << 20         // bytes of one answer
	maxPages = 50               // of one list
)

// Options say which app it is and who asks. App and Token are required.
type Options struct {
	// App is the app's name or id.
	App string
	// Token returns an OAuth token. It is called for each request, by many goroutines at
	// once.
	Token func(context.Context) (string, error)
	// API is where the API is; empty means "https://api.heroku.com".
	API string
	// Pause is the first one before a request is repeated, from where it doubles, and
	// that of a request where few are left; zero means 3 s.
	Pause time.Duration
	// HTTP sends the requests; nil means a client of its own.
	HTTP *http.Client
}

// Client sends requests. All methods may be called by many goroutines at once.
type Client struct {
	o           Options
	again, once *retryablehttp.Client // once repeats what was refused for certain, and no more
	unlimited   *retryablehttp.Client
	left        atomic.Int64 // requests in this hour, as was last heard
}

// New returns a client.
func New(o Options) *Client {
	if o.API == "" {
		o.API = "https://api.heroku.com"
	}
	if o.Pause == 0 {
		o.Pause = 3 * time.Second
	}
	if o.HTTP == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.ResponseHeaderTimeout = silence
		o.HTTP = &http.Client{Transport: t}
	}
	limited := *o.HTTP
	limited.Timeout = limit
	c := &Client{o: o, again: o.retrying(&limited, repeat), once: o.retrying(&limited, repeatRefused), unlimited: o.retrying(o.HTTP, repeat)}
	c.left.Store(Low)
	return c
}

func (o Options) retrying(c *http.Client, check retryablehttp.CheckRetry) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient: c, RetryMax: retries, RetryWaitMin: o.Pause, RetryWaitMax: 10 * o.Pause,
		CheckRetry: check, Backoff: retryablehttp.DefaultBackoff, ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// repeat repeats what got no answer, half an answer, or one that says that it passes.
func repeat(ctx context.Context, r *http.Response, err error) (bool, error) {
	var refused *Error
	if ctx.Err() != nil || errors.As(err, &refused) {
		return false, context.Cause(ctx)
	}
	return err != nil || r.StatusCode == http.StatusTooManyRequests || r.StatusCode >= 500, nil
}

// repeatRefused repeats only what was not even looked at.
func repeatRefused(ctx context.Context, r *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	return err == nil && r.StatusCode == http.StatusTooManyRequests, nil
}

// list reads a list, page after page, until enough says of what was read that it is; nil
// means all. Order is the first Range.
func list[T any](ctx context.Context, c *Client, path, order string, enough func([]T) bool) ([]T, error) {
	var all []T
	for range maxPages {
		var page []T
		next, err := c.send(ctx, c.again, http.MethodGet, path, order, nil, &page)
		if err != nil {
			return nil, err
		}
		if all = append(all, page...); next == "" || enough != nil && enough(all) {
			break
		}
		order = next
	}
	return all, nil
}

// send sends one request, and returns the Range of the next page.
func (c *Client) send(ctx context.Context, by *retryablehttp.Client, method, path, page string, in, out any) (next string, err error) {
	path = "/apps/" + c.o.App + path
	what := method + " " + path
	req, err := retryablehttp.NewRequestWithContext(ctx, method, c.o.API+path, nil)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, hidden(err))
	}
	if in != nil {
		body, err := json.Marshal(in)
		if err == nil {
			err = req.SetBody(body)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", what, err)
		}
		req.Header.Set("Content-Type", "application/json")
	}
	token, err := c.o.Token(ctx)
	if err != nil {
		return "", fmt.Errorf("get the token for Heroku: %w", err)
	}
	req.Header.Set("Accept", "application/vnd.heroku+json; version=3")
	req.Header.Set("Authorization", "Bearer "+token)
	if page != "" {
		req.Header.Set("Range", page)
	}
	req.SetResponseHandler(func(r *http.Response) error { next = r.Header.Get("Next-Range"); return c.read(r, token, out) })
	if err := c.spend(ctx); err != nil {
		return "", err
	}
	r, err := by.Do(req)
	if err == nil && r.StatusCode >= 300 { // what was repeated until it was enough
		err = c.read(r, token, nil)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, unanswered(ctx, err))
	}
	return next, nil
}

// read reads an answer.
func (c *Client) read(r *http.Response, token string, out any) error {
	defer r.Body.Close()
	if left, err := strconv.ParseInt(r.Header.Get("RateLimit-Remaining"), 10, 64); err == nil {
		c.left.Store(left)
	}
	body := json.NewDecoder(io.LimitReader(r.Body, maxBody))
	if r.StatusCode < 300 {
		if err := body.Decode(out); err != nil {
			return fmt.Errorf("read half an answer: %w", err)
		}
		return nil
	}
	var said struct{ ID, Message string }
	_ = body.Decode(&said) // the status says enough
	if token != "" {
		said.Message = strings.ReplaceAll(said.Message, token, "[secret]")
	}
	return &Error{Status: r.StatusCode, ID: said.ID, Message: said.Message}
}

// spend waits where few requests are left, so that they come back faster than they go.
func (c *Client) spend(ctx context.Context) error {
	if c.left.Load() >= Low {
		return nil
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(c.o.Pause):
		return nil
	}
}

// hidden is an error without the address, which may be a signed one.
func hidden(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// silenceError says that there was no answer, or half of one. It passes.
type silenceError struct{ error }

func (e *silenceError) Unwrap() error { return e.error }

// Temporary says that the same request may succeed later.
func (e *silenceError) Temporary() bool { return true }

// unanswered is an error without the address, which says that it passes unless it is a
// refusal or the caller's own end.
func unanswered(ctx context.Context, err error) error {
	var refused *Error
	if err = hidden(err); errors.As(err, &refused) || ctx.Err() != nil {
		return err
	}
	return &silenceError{err}
}
