package dashboard

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/muster-deploy/muster/pipeline"
)

// ClientConfig says where a dashboard is. URL and Pipeline are required.
type ClientConfig struct {
	// URL is the dashboard's root: "https://tools.example.com/deploys/".
	URL string
	// Pipeline is the pipeline's name.
	Pipeline string
	// HTTP sends the requests. Logs are read as long as they are, so that a timeout of
	// its own cuts them. Nil: http.DefaultClient.
	HTTP *http.Client
	// Token returns what is sent as "Authorization: Bearer" with each request. Nil:
	// nothing is.
	Token func(ctx context.Context) (string, error)
}

// Client is a pipeline.Pipeline over a dashboard's API, for a chat bot or a command
// line elsewhere. Make one with NewClient. Its methods may be called concurrently. It
// tries nothing twice: a Do whose answer was lost is repeated by the caller, with the
// id that it returned.
type Client struct {
	c    ClientConfig
	base *url.URL // of the pipeline
}

var _ pipeline.Pipeline = (*Client)(nil)

// NewClient returns a client. It checks c and sends nothing.
func NewClient(c ClientConfig) (*Client, error) {
	base, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("dashboard client: URL: %w", err)
	case base.Scheme != "http" && base.Scheme != "https" || base.Host == "":
		return nil, fmt.Errorf("dashboard client: URL is %q: want http:// or https:// and a host", c.URL)
	case c.Pipeline == "":
		return nil, errors.New("dashboard client: Pipeline is empty: name one")
	}
	if c.HTTP == nil {
		c.HTTP = http.DefaultClient
	}
	base.RawQuery, base.Fragment = "", ""
	return &Client{c: c, base: base.JoinPath("api", "pipelines", segment(c.Pipeline))}, nil
}

// Name implements pipeline.Pipeline.
func (c *Client) Name() string { return c.c.Pipeline }

// Status implements pipeline.Pipeline.
func (c *Client) Status(ctx context.Context) (pipeline.Status, error) {
	var s pipeline.Status
	err := c.get(ctx, &s, c.base)
	return s, err
}

// Do implements pipeline.Pipeline. A request without an id gets one here, so that the
// caller knows it also when the answer is lost.
func (c *Client) Do(ctx context.Context, r pipeline.Request) (string, error) {
	var id string
	r, err := amend(r, func(a *pipeline.Asked) {
		if a.ID == "" {
			a.ID = rand.Text()
		}
		id = a.ID
	})
	if err != nil {
		return "", err
	}
	body, err := pipeline.EncodeRequest(r)
	if err != nil {
		return id, err
	}
	resp, err := c.send(ctx, http.MethodPost, c.base.JoinPath("requests"), body)
	if err != nil {
		return id, err
	}
	defer resp.Body.Close()
	var a answer
	if err := decode(resp.Body, &a); err != nil {
		return id, err
	}
	return a.ID, nil
}

// Deploys implements pipeline.Pipeline. It asks for a page at a time.
func (c *Client) Deploys(ctx context.Context, before string) iter.Seq2[pipeline.Deploy, error] {
	return func(yield func(pipeline.Deploy, error) bool) {
		for before, limit := before, pageDeploys; ; limit = mostDeploys {
			u := c.base.JoinPath("deploys")
			u.RawQuery = url.Values{"before": {before}, "limit": {strconv.Itoa(limit)}}.Encode()
			var page []pipeline.Deploy
			if err := c.get(ctx, &page, u); err != nil {
				yield(pipeline.Deploy{}, err)
				return
			}
			for _, d := range page {
				if before = d.ID; !yield(d, nil) {
					return
				}
			}
			if len(page) < limit {
				return
			}
		}
	}
}

// Log implements pipeline.Pipeline. A log that breaks off on the way ends with an
// error, not with io.EOF.
func (c *Client) Log(ctx context.Context, deploy string) (io.ReadCloser, error) {
	resp, err := c.send(ctx, http.MethodGet, c.base.JoinPath("deploys", url.PathEscape(deploy), "log"), nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// Plan says what the engine behind the dashboard would do now; an error where there is
// none.
func (c *Client) Plan(ctx context.Context) (pipeline.Plan, error) {
	var p pipeline.Plan
	err := c.get(ctx, &p, c.base.JoinPath("plan"))
	return p, err
}

// Explain answers "why is my change not live?", by the engine behind the dashboard; an
// error where there is none.
func (c *Client) Explain(ctx context.Context, revision string) (pipeline.Reason, error) {
	u := c.base.JoinPath("reason")
	u.RawQuery = url.Values{"revision": {revision}}.Encode()
	var r pipeline.Reason
	err := c.get(ctx, &r, u)
	return r, err
}

// get reads the answer to a GET into v.
func (c *Client) get(ctx context.Context, v any, u *url.URL) error {
	resp, err := c.send(ctx, http.MethodGet, u, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return decode(resp.Body, v)
}

// send sends a request and returns a good answer, or the error that it was.
func (c *Client) send(ctx context.Context, method string, u *url.URL, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask dashboard: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.c.Token != nil {
		token, err := c.c.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("ask dashboard: get token: %w", err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.c.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask dashboard: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, readFailure(resp)
	}
	return resp, nil
}

// maxFailure is how much of an answer that is no good is read, in bytes.
const maxFailure = 1 << 20

// readFailure returns the error that an answer is: a dashboard's own, or that of what
// stands before it.
func readFailure(resp *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxFailure))
	var e apiError
	if err == nil && json.Unmarshal(data, &e) == nil && e.Error != "" {
		return e.failure()
	}
	text := strings.Join(strings.Fields(string(data[:min(len(data), 200)])), " ")
	return fmt.Errorf("ask dashboard: %s: %q", resp.Status, text)
}

// decode reads JSON from an answer that has to be it.
func decode(r io.Reader, v any) error {
	if err := json.NewDecoder(r).Decode(v); err != nil {
		return fmt.Errorf("read the dashboard's answer: %w", err)
	}
	return nil
}
