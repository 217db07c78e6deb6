package herokutest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
)

// Fault is what goes wrong with one request. The zero Fault is nothing.
type Fault struct {
	// Refuse is the status of an answer that is given without looking at the request,
	// such as 503.
	Refuse int
	// Twice has the request delivered twice.
	Twice bool
	// Drop cuts the connection after the request has had its effect.
	Drop bool
	// Lose cuts the connection before it has any.
	Lose bool
	// Half cuts the connection in the middle of the answer.
	Half bool
	// Meanwhile, if not nil, is called before the request has its effect.
	Meanwhile func()
}

// Break sets what goes wrong from now on; nil: nothing does. It is asked about each
// request, also those for uploads, outputs and the apps, by many goroutines at once.
func (p *Platform) Break(f func(*http.Request) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = f
}

func (f Fault) serve(w http.ResponseWriter, r *http.Request, by http.Handler) {
	if f.Lose {
		panic(http.ErrAbortHandler)
	}
	if f.Refuse != 0 {
		_, _ = io.Copy(io.Discard, r.Body) // so that a client may reuse the connection
		refuse(w, f.Refuse, "trouble", fmt.Sprintf("This is a fault with status %d.", f.Refuse))
		return
	}
	if f.Meanwhile != nil {
		f.Meanwhile()
	}
	if f.Twice {
		body, _ := io.ReadAll(r.Body) // what broke off is delivered so
		again := r.Clone(r.Context())
		again.Body, r.Body = io.NopCloser(bytes.NewReader(body)), io.NopCloser(bytes.NewReader(body))
		by.ServeHTTP(httptest.NewRecorder(), again)
	}
	if !f.Drop && !f.Half {
		by.ServeHTTP(w, r)
		return
	}
	said := httptest.NewRecorder()
	by.ServeHTTP(said, r)
	if f.Half {
		w.Header().Set("Content-Length", fmt.Sprint(said.Body.Len()))
		w.WriteHeader(said.Code)
		_, _ = w.Write(said.Body.Bytes()[:said.Body.Len()/2])
		_ = http.NewResponseController(w).Flush()
	}
	panic(http.ErrAbortHandler)
}
