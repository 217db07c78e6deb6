package s3packs_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/target/ec2target/s3packs"
	"github.com/muster-deploy/muster/target/host/depottest"
)

// website serves a bucket in memory, and signs as a server without a lock does.
type website struct {
	*s3test.Bucket
	url    string
	signed int
}

func newWebsite(t *testing.T) *website {
	w := &website{Bucket: &s3test.Bucket{Name: "acme"}}
	s := httptest.NewServer(w)
	t.Cleanup(s.Close)
	w.url = s.URL
	return w
}

func (w *website) PresignGetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.PresignOptions)) (*v4.PresignedHTTPRequest, error) {
	w.signed++
	return &v4.PresignedHTTPRequest{URL: w.url + "/" + *in.Key}, nil
}

func (w *website) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	in := &s3.GetObjectInput{Bucket: new("acme"), Key: new(strings.TrimPrefix(r.URL.Path, "/"))}
	if part := r.Header.Get("Range"); part != "" {
		in.Range = &part
	}
	out, err := w.GetObject(r.Context(), in)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusNotFound)
		return
	}
	if in.Range != nil {
		rw.WriteHeader(http.StatusPartialContent)
	}
	_, _ = io.Copy(rw, out.Body)
}

func open(t *testing.T, w *website) *s3packs.Depot {
	t.Helper()
	d, err := s3packs.New(s3packs.Config{Client: w, Presigner: w, Bucket: "acme", Prefix: "packs/"})
	require.NoError(t, err)
	return d
}

func TestConformance(t *testing.T) {
	t.Parallel()
	depottest.TestDepot(t, open(t, newWebsite(t)))
}

const sum = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae" // of "foo"

func foo() *io.SectionReader { return io.NewSectionReader(strings.NewReader("foo"), 0, 3) }

func TestPackIsUploadedOnceADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &website{Bucket: &s3test.Bucket{Name: "acme"}}
		d := open(t, w)
		uploads := func() (n int) {
			for _, c := range w.Calls() {
				if c.Operation == "PutObject" {
					n++
				}
			}
			return n
		}
		for range 3 {
			require.NoError(t, d.Put(t.Context(), sum, foo()))
		}
		require.Equal(t, 1, uploads())
		require.Equal(t, []string{"packs/" + sum}, w.Keys())
		time.Sleep(25 * time.Hour)
		require.NoError(t, d.Put(t.Context(), sum, foo()))
		require.Equal(t, 2, uploads())
	})
}

func TestURLIsSharedWhileItIsYoung(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &website{Bucket: &s3test.Bucket{Name: "acme"}, url: "https://s3"}
		d := open(t, w)
		for range 60 {
			_, err := d.URL(t.Context(), sum)
			require.NoError(t, err)
			time.Sleep(10 * time.Second)
		}
		require.Equal(t, 2, w.signed, "one in five minutes, of fifteen that it lives")
	})
}

func TestErrorsOfTheBucketAreTold(t *testing.T) {
	t.Parallel()
	w := &website{Bucket: &s3test.Bucket{Name: "other"}}
	require.ErrorContains(t, open(t, w).Put(t.Context(), sum, foo()), sum)
}

func TestConfigComplainsOfAllAtOnce(t *testing.T) {
	t.Parallel()
	_, err := s3packs.New(s3packs.Config{Prefix: "packs", Life: -1})
	for _, complaint := range []string{"Client", "Bucket", "Prefix", "Life"} {
		require.ErrorContains(t, err, complaint)
	}
}
