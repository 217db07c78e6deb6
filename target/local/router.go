package local

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
)

// errNoHost says that no registered host took the request.
var errNoHost = errors.New("no host is in service")

// router is the transport of a balancer's proxy: it chooses the host.
type router struct{ b *Balancer }

// flight is one request under way. A host counts it until the answer has been
// passed on, which is long after RoundTrip has returned.
type flight struct{ on *backend }

type flightKey struct{}

func (f *flight) land(b *Balancer) {
	if f.on != nil {
		b.done(f.on)
		f.on = nil
	}
}

// RoundTrip implements http.RoundTripper.
func (r router) RoundTrip(req *http.Request) (*http.Response, error) {
	f := req.Context().Value(flightKey{}).(*flight)
	var tried []*backend
	err := errNoHost
	for {
		k := r.b.pick(tried)
		if k == nil {
			return nil, err
		}
		f.on = k
		var resp *http.Response
		out := req.Clone(req.Context())
		out.URL.Scheme, out.URL.Host = "http", k.address
		if resp, err = k.transport.RoundTrip(out); err == nil {
			return resp, nil
		}
		if !unsent(req, err) {
			return nil, err
		}
		f.land(r.b)
		tried = append(tried, k)
	}
}

// unsent says whether a request that failed can be tried elsewhere: nothing of it has
// left, and nothing of it was read.
func unsent(req *http.Request, err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" && (req.Body == nil || req.Body == http.NoBody) && req.Context().Err() == nil
}

// answerError tells the client, and the log.
func answerError(log *slog.Logger) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		log.Warn("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		status := http.StatusBadGateway
		if errors.Is(err, errNoHost) {
			status = http.StatusServiceUnavailable
		}
		http.Error(w, http.StatusText(status), status)
	}
}
