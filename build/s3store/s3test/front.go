package s3test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Front hands out the objects of a bucket to whoever has a URL that it has signed, as
// S3 does to machines without credentials: it stands for a *s3.PresignClient, and is
// the http.Handler that such URLs lead to. All methods may be called by many goroutines
// at once.
type Front struct {
	// Bucket is the bucket that is served.
	Bucket *Bucket

	// URL is where the Front is served, such as the URL of a httptest.Server. Set it
	// before the first request.
	URL string

	mu     sync.Mutex
	signed map[string]grant
}

// grant is what one signature allows.
type grant struct {
	bucket, key string
	until       time.Time
}

// PresignGetObject stands for that of *s3.PresignClient. A URL lives for a quarter of
// an hour, if the options do not say otherwise.
func (f *Front) PresignGetObject(_ context.Context, in *s3.GetObjectInput, options ...func(*s3.PresignOptions)) (*v4.PresignedHTTPRequest, error) {
	o := s3.PresignOptions{Expires: 15 * time.Minute}
	for _, set := range options {
		set(&o)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.signed == nil {
		f.signed = map[string]grant{}
	}
	signature, g := rand.Text(), grant{str(in.Bucket), str(in.Key), time.Now().Add(o.Expires)}
	f.signed[signature] = g
	path := (&url.URL{Path: "/" + g.bucket + "/" + g.key}).EscapedPath()
	return &v4.PresignedHTTPRequest{Method: http.MethodGet, URL: f.URL + path + "?X-Amz-Signature=" + signature}, nil
}

// ServeHTTP implements http.Handler: 403 is for who has no right, 404 for what is not
// there.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	g, ok := f.signed[r.URL.Query().Get("X-Amz-Signature")]
	f.mu.Unlock()
	if !ok || r.Method != http.MethodGet || r.URL.Path != "/"+g.bucket+"/"+g.key || time.Now().After(g.until) {
		http.Error(w, "AccessDenied", http.StatusForbidden)
		return
	}
	out, err := f.Bucket.GetObject(r.Context(), &s3.GetObjectInput{Bucket: &g.bucket, Key: &g.key})
	if err != nil {
		http.Error(w, fmt.Sprint(err), http.StatusNotFound)
		return
	}
	defer out.Body.Close()
	w.Header().Set("Content-Length", strconv.FormatInt(*out.ContentLength, 10))
	w.Header().Set("Content-Type", *out.ContentType)
	_, _ = io.Copy(w, out.Body) // Who reads has gone away.
}
