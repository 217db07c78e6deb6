//go:build integration

package ec2target_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	elasticloadbalancing "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/muster-deploy/muster/build/s3store/s3test"
)

// ServeHTTP is the cloud as its instances and its deployers reach it.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	path, rest, _ := strings.Cut(r.URL.Path[1:], "/")
	switch path {
	case "call":
		w.serveDeployer(rw, r, rest)
	case "presigned":
		w.sendObject(rw, r, rest)
	case "objects":
		w.serveObject(rw, r, rest)
	default:
		w.Cloud.ServeHTTP(rw, r)
	}
}

// serveObject lets the roles of instances read the bucket.
func (w *world) serveObject(rw http.ResponseWriter, r *http.Request, key string) {
	id := w.Signed(r, "s3")
	if id == "" {
		http.Error(rw, "AccessDenied", http.StatusForbidden)
		return
	}
	w.mu.Lock()
	stuck := w.stuck[id]
	if strings.Contains(key, "/pack-") && stuck != nil {
		w.waiting[id] = true
	} else {
		stuck = nil
	}
	w.mu.Unlock()
	if stuck != nil {
		select {
		case <-stuck:
		case <-r.Context().Done():
		}
	}
	w.sendObject(rw, r, key)
}

func (w *world) sendObject(rw http.ResponseWriter, r *http.Request, key string) {
	out, err := w.bucket.GetObject(r.Context(), &s3.GetObjectInput{Bucket: new("deploys"), Key: &key})
	if err != nil {
		http.Error(rw, "AccessDenied", http.StatusForbidden)
		return
	}
	defer out.Body.Close()
	_, _ = io.Copy(rw, out.Body)
}

// serveDeployer makes a call for a deployer.
func (w *world) serveDeployer(rw http.ResponseWriter, r *http.Request, name string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // he is dead
	}
	w.mu.Lock()
	w.calls[name]++
	n, before, after := w.calls[name], w.before, w.after
	w.mu.Unlock()
	if before != nil {
		before(name, n)
	}
	var api any = w.Cloud
	if name == "Get" || name == "Put" {
		api = bucketCalls{&w.bucket}
	}
	a, err := serveCall(r.Context(), api, name, bytes.NewReader(body))
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	ids := targetsIn(body)
	if name == "DeregisterTargets" {
		for _, id := range ids {
			w.drained(id)
		}
	}
	if after != nil {
		after(name, ids)
	}
	_ = json.NewEncoder(rw).Encode(a)
}

// drained waits for the requests that are under way, as a balancer does.
func (w *world) drained(id string) {
	requests := w.requests(id)
	requests.Lock()
	defer requests.Unlock()
}

func targetsIn(body []byte) (ids []string) {
	var in elasticloadbalancing.DeregisterTargetsInput
	_ = json.Unmarshal(body, &in)
	for _, t := range in.Targets {
		ids = append(ids, *t.Id)
	}
	return ids
}

// bucketCalls are those that a wire makes of S3's.
type bucketCalls struct{ *s3test.Bucket }

func (b bucketCalls) Get(ctx context.Context, o *object) (*object, error) {
	out, err := b.GetObject(ctx, &s3.GetObjectInput{Bucket: new("deploys"), Key: &o.Key})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	return &object{Body: body, ETag: *out.ETag}, err
}

func (b bucketCalls) Put(ctx context.Context, o *object) (*object, error) {
	in := &s3.PutObjectInput{Bucket: new("deploys"), Key: &o.Key, Body: bytes.NewReader(o.Body)}
	if o.Match != "" {
		in.IfMatch = &o.Match
	}
	if o.NoneMatch != "" {
		in.IfNoneMatch = &o.NoneMatch
	}
	_, err := b.PutObject(ctx, in)
	return &object{}, err
}
