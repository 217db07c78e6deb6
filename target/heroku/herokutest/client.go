package herokutest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
)

// Address is where a Client finds the platform, for heroku.Config.API.
const Address = "http://heroku.test"

// Client returns a client that reaches the platform, its uploads and its apps without a
// network, in the goroutine that asks. It also works in a bubble of testing/synctest.
func (p *Platform) Client() *http.Client { return &http.Client{Transport: transport{p}} }

// errCut is what a connection that was cut looks like.
var errCut = errors.New("herokutest: the connection was cut")

type transport struct{ p *Platform }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.Clone(r.Context())
	in.RequestURI, in.Host = r.URL.RequestURI(), r.URL.Host
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	out := httptest.NewRecorder()
	cut := t.serve(out, in)
	if cut && !out.Flushed {
		return nil, errCut
	}
	answer := out.Result()
	answer.Request = r
	if cut {
		answer.Body = io.NopCloser(io.MultiReader(bytes.NewReader(out.Body.Bytes()), broken{}))
	}
	return answer, r.Context().Err()
}

// serve reports whether the handler has cut the connection.
func (t transport) serve(w http.ResponseWriter, r *http.Request) (cut bool) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			panic(p)
		} else if p != nil {
			cut = true
		}
	}()
	t.p.ServeHTTP(w, r)
	return false
}

// broken is the end of an answer that was cut.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errCut }
