package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Bounds of a request. An answer of GitHub's with a hundred commits has some hundred
// kilobytes; a comparison's first page adds the patches of up to 300 files.
const (
	maxBody      = 32 << 20
	maxRedirects = 4
	retries      = 2
	retryWaitMin = 200 * time.Millisecond
	retryWaitMax = 2 * time.Second
)

// errTooLarge says that an answer is larger than anything that is wanted.
var errTooLarge = fmt.Errorf("the answer is larger than %d MiB", maxBody>>20)

// client asks the API of one repository. Reads are tried again a few times, since one
// that is asked twice does no harm; writes are not.
type client struct {
	base    string // of the repository, without a slash at its end
	token   func(context.Context) (string, error)
	timeout time.Duration
	reads   *retryablehttp.Client
	writes  *retryablehttp.Client
	known   *memory
	limits  limits
	log     *slog.Logger
}

func newClient(c Config) *client {
	api := &client{
		base: c.BaseURL + "/repos/" + c.Repository, token: c.Token, timeout: c.Timeout,
		known: newMemory(), log: c.Log, limits: limits{reserve: c.Reserve},
	}
	api.reads, api.writes = attempts(c.Client, retries), attempts(c.Client, 0)
	return api
}

// attempts returns a client that tries again so often.
func attempts(given *http.Client, times int) *retryablehttp.Client {
	r := retryablehttp.NewClient()
	if given != nil {
		r.HTTPClient = given
	}
	one := *r.HTTPClient
	one.Timeout, one.CheckRedirect = 0, stayOnHost // each request has a limit of its own
	r.HTTPClient = &one
	r.Logger, r.RetryMax, r.RetryWaitMin, r.RetryWaitMax = nil, times, retryWaitMin, retryWaitMax
	r.ErrorHandler, r.CheckRetry = retryablehttp.PassthroughErrorHandler, passes
	r.Backoff = func(least, most time.Duration, try int, answer *http.Response) time.Duration {
		return min(most, retryablehttp.DefaultBackoff(least, most, try, answer))
	}
	return r
}

// passes reports whether to try again at once. A limit on requests is not tried
// against: that would make it last.
func passes(ctx context.Context, answer *http.Response, err error) (bool, error) {
	if errors.Is(err, errTooLarge) || errors.Is(err, errRedirect) {
		return false, err
	}
	if err == nil && answer.StatusCode == http.StatusTooManyRequests {
		return false, nil
	}
	return retryablehttp.DefaultRetryPolicy(ctx, answer, err)
}

var errRedirect = errors.New("redirected to another host, or too often")

// stayOnHost follows a repository to its new name, and nothing to another host. A
// write is not followed: it would arrive as a read.
func stayOnHost(next *http.Request, before []*http.Request) error {
	first := before[0]
	if next.URL.Host != first.URL.Host || next.URL.Scheme != first.URL.Scheme || len(before) > maxRedirects {
		return errRedirect
	}
	if first.Method != http.MethodGet {
		return http.ErrUseLastResponse
	}
	return nil
}

// answer is what GitHub said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// get reads a path of the repository, or a URL that GitHub gave, and returns the URL of
// the next page, if there is one. It is conditional where the answer is known. An answer
// that read refuses is not remembered: it may have been cut off on the way.
func (c *client) get(ctx context.Context, path string, read func([]byte) error) (next string, err error) {
	url := path
	if strings.HasPrefix(path, "/") {
		url = c.base + path
	}
	known, ok := c.known.get(url)
	a, err := c.send(ctx, c.reads, http.MethodGet, url, nil, known.etag)
	switch {
	case err != nil:
		return "", err
	case ok && a.status == http.StatusNotModified:
		return known.next, read(known.body)
	case a.status != http.StatusOK:
		return "", c.failure(http.MethodGet, url, a)
	}
	if next = nextLink(a.header.Values("Link")); next != "" && !c.ours(next) {
		return "", fmt.Errorf("GET %s: the next page is on another host", shown(url))
	}
	if err := read(a.body); err != nil {
		return "", fmt.Errorf("GET %s: %w", shown(url), err)
	}
	c.known.put(url, remembered{etag: a.header.Get("ETag"), body: a.body, next: next})
	return next, nil
}

// ours reports whether a token may be sent to a URL.
func (c *client) ours(address string) bool {
	base, err := url.Parse(c.base)
	if err != nil {
		return false
	}
	u, err := url.Parse(address)
	return err == nil && u.Scheme == base.Scheme && u.Host == base.Host
}

// post writes to a path of the repository, once.
func (c *client) post(ctx context.Context, path string, what, into any) error {
	data, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	a, err := c.send(ctx, c.writes, http.MethodPost, c.base+path, data, "")
	if err != nil {
		return err
	}
	if a.status != http.StatusCreated {
		return c.failure(http.MethodPost, c.base+path, a)
	}
	return decode(a.body, into)
}

// decode reads an answer. One that is no JSON was cut off, or came from something on
// the way.
func decode(data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

// send makes one request, with its retries, and reads the whole answer.
func (c *client) send(ctx context.Context, by *retryablehttp.Client, method, url string, body []byte, etag string) (answer, error) {
	if err := c.limits.open(time.Now()); err != nil {
		return answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r, err := c.request(ctx, method, url, body, etag)
	if err != nil {
		return answer{}, err
	}
	var a answer
	r.SetResponseHandler(func(got *http.Response) (err error) { a, err = readAnswer(got); return err })
	got, err := by.Do(r)
	if err == nil && a.status == 0 { // tried to the end
		a, err = readAnswer(got)
	}
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", method, shown(url), bare(err))
	}
	c.log.Debug("asked GitHub", "method", method, "url", shown(url), "status", a.status)
	if err := c.limits.note(a, time.Now()); err != nil {
		return answer{}, err
	}
	return a, nil
}

func (c *client) request(ctx context.Context, method, url string, body []byte, etag string) (*retryablehttp.Request, error) {
	var content any
	if body != nil {
		content = body
	}
	r, err := retryablehttp.NewRequestWithContext(ctx, method, url, content)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, shown(url), bare(err))
	}
	if c.token != nil {
		token, err := c.token(ctx)
		if err != nil {
			return nil, fmt.Errorf("get GitHub token: %w", err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set("Accept", "application/vnd.github+json")
	r.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	r.Header.Set("User-Agent", "muster")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	return r, nil
}

// readAnswer reads a body within its bounds and closes it.
func readAnswer(r *http.Response) (answer, error) {
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return answer{}, fmt.Errorf("read answer: %w", err)
	}
	if len(body) > maxBody {
		return answer{}, errTooLarge
	}
	if want := r.ContentLength; want >= 0 && r.StatusCode == http.StatusOK && int64(len(body)) != want {
		return answer{}, fmt.Errorf("read answer: %d of %d bytes came", len(body), want)
	}
	return answer{status: r.StatusCode, header: r.Header, body: body}, nil
}

// bare takes the method and the URL off an error, which are said already.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// shown is a URL as it may be read in a log.
func shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the API"
	}
	return u.Redacted()
}
