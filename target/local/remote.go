package local

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/muster-deploy/muster/target/fleet"
)

// adminHeader has to be there in every request to Admin: no web page can have a
// browser send it, so that none can steer a balancer by way of one.
const adminHeader = "Muster-Balancer"

// Admin steers the balancer: PUT /hosts/<name> registers, DELETE /hosts/<name>
// drains, GET /hosts lists the registered. Every request has the header
// "Muster-Balancer: 1". Whoever reaches it may use it: serve it on the loopback
// address, and not where requests come in.
func (b *Balancer) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hosts", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(b.Registered())
	})
	mux.HandleFunc("PUT /hosts/{name}", steer(b.Register))
	mux.HandleFunc("DELETE /hosts/{name}", steer(b.Deregister))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(adminHeader) == "" {
			http.Error(w, "header "+adminHeader+" is missing", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func steer(do func(context.Context, fleet.Host) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := do(r.Context(), fleet.Host{Name: r.PathValue("name")}); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// Remote is the fleet.Balancer of a Balancer in another process.
type Remote struct {
	// URL is where Balancer.Admin is served: "http://127.0.0.1:9000".
	URL string
	// Client makes the requests; nil means http.DefaultClient.
	Client *http.Client
}

// Register implements fleet.Balancer.
func (r Remote) Register(ctx context.Context, h fleet.Host) error {
	return r.tell(ctx, http.MethodPut, h)
}

// Deregister implements fleet.Balancer.
func (r Remote) Deregister(ctx context.Context, h fleet.Host) error {
	return r.tell(ctx, http.MethodDelete, h)
}

func (r Remote) tell(ctx context.Context, method string, h fleet.Host) error {
	at := strings.TrimSuffix(r.URL, "/") + "/hosts/" + url.PathEscape(h.Name)
	req, err := http.NewRequestWithContext(ctx, method, at, nil)
	if err != nil {
		return fmt.Errorf("steer balancer: %w", err)
	}
	req.Header.Set(adminHeader, "1")
	client := r.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("steer balancer: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return fmt.Errorf("steer balancer: %s: %s", resp.Status, strings.TrimSpace(string(text)))
	}
	return nil
}
