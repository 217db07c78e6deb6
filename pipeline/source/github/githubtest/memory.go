package githubtest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"time"
)

// URL is the base URL of the API when it is asked through Client.
const URL = "https://api.github.test"

// Client returns a client whose requests are answered by the server in memory, whatever
// host they are for.
func (s *Server) Client() *http.Client { return &http.Client{Transport: Transport(s)} }

// Transport carries requests to a handler without a network. A handler that panics
// with http.ErrAbortHandler has cut the connection, in the middle of a body or before.
func Transport(h http.Handler) http.RoundTripper { return transport{h} }

type transport struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	in.RequestURI, in.RemoteAddr, in.Host = r.URL.RequestURI(), "192.0.2.1:1234", r.URL.Host
	w := httptest.NewRecorder()
	cut := serve(t.handler, w, in)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if cut && w.Body.Len() == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	answer := w.Result()
	answer.Request = r
	if cut {
		answer.Body = io.NopCloser(io.MultiReader(bytes.NewReader(w.Body.Bytes()), broken{}))
	}
	return answer, nil
}

// serve calls a handler, and reports whether it cut the connection.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (cut bool) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			cut = true
		} else if p != nil {
			panic(p)
		}
	}()
	h.ServeHTTP(w, r)
	return false
}

// broken is where a body ends too soon.
type broken struct{}

// Read implements io.Reader.
func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// stamp is a time as the API writes it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
