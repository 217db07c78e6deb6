// Package faultproxy stands between HTTP clients and a server, as a network does: it
// drops requests and answers, delays, repeats and truncates them, by a seed. What
// works through it works.
//
//	proxy := faultproxy.New(server.Endpoint, faultproxy.Faults{Seed: 1, Lost: 0.05})
//	front := httptest.NewServer(proxy)
//	defer front.Close()
//
// Host and path are passed on as they came, so that signatures stay good.
package faultproxy

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// maxRepeat is the size in bytes of the largest request that is repeated.
const maxRepeat = 1 << 20

// Proxy passes requests on to a server. It is an http.Handler; make one with New.
type Proxy struct {
	target    *url.URL
	transport *http.Transport
	dice      *dice

	// Latency passes before every request is passed on: 20 ms make a server on this
	// machine one that is a region away. Set it before the first request.
	Latency time.Duration

	requests, sent, received atomic.Int64
}

// New returns a proxy to the server at a URL, which must be one.
func New(target string, f Faults) *Proxy {
	u, err := url.Parse(target)
	if err != nil {
		panic("faultproxy: " + err.Error())
	}
	t := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 1000}
	return &Proxy{target: u, transport: t, dice: roll(f)}
}

// Traffic returns how many requests came, and how many bytes of bodies went to the
// server and back to clients.
func (p *Proxy) Traffic() (requests, sent, received int64) {
	return p.requests.Load(), p.sent.Load(), p.received.Load()
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.requests.Add(1)
	f := p.dice.next()
	wait(r, p.Latency+f.delay)
	if f.refused {
		panic(http.ErrAbortHandler) // It closes the connection without an answer.
	}
	answer := p.pass(r, f.repeated)
	defer answer.Body.Close()
	if f.lost {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), answer.Header)
	w.WriteHeader(answer.StatusCode)
	body := io.Reader(answer.Body)
	if f.truncated {
		body = io.LimitReader(body, max(answer.ContentLength/2, 0))
	}
	n, err := io.Copy(w, body)
	p.received.Add(n)
	if f.truncated || err != nil {
		// What was written has to be on its way before the connection is closed.
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// pass asks the server, twice if repeated, and returns the last answer.
func (p *Proxy) pass(r *http.Request, repeated bool) *http.Response {
	if !repeated || r.ContentLength < 0 || r.ContentLength > maxRepeat {
		return p.ask(r, r.Body)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	first := p.ask(r, io.NopCloser(bytes.NewReader(body)))
	first.Body.Close()
	return p.ask(r, io.NopCloser(bytes.NewReader(body)))
}

// ask sends a request to the server.
func (p *Proxy) ask(r *http.Request, body io.ReadCloser) *http.Response {
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.RequestURI = p.target.Scheme, p.target.Host, ""
	out.Body = &counted{body, &p.sent}
	if r.ContentLength == 0 {
		out.Body = http.NoBody
	}
	// The body is sent at once: the server of this proxy has asked for it already.
	out.Header.Del("Expect")
	answer, err := p.transport.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return answer
}

// counted counts what is read.
type counted struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// wait lets time go by, unless the client gives up before.
func wait(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
}
