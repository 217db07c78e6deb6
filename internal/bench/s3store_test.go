//go:build integration

package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/build/s3store"
	"github.com/muster-deploy/muster/internal/faultproxy"
	"github.com/muster-deploy/muster/internal/partstest/s3servertest"
)

// artifactOf5000 returns an artifact of 5,000 files and 100 MB, one of which changes with n.
func artifactOf5000(n int) *build.Artifact {
	r := rand.NewChaCha8([32]byte{})
	files := map[string]string{}
	content := make([]byte, 20_000)
	for i := range 5000 {
		_, _ = r.Read(content)
		files[fmt.Sprintf("app/%02d/file-%04d.rb", i%50, i)] = string(content)
	}
	if n > 0 {
		files["app/25/file-0025.rb"] = fmt.Sprintf("changed %d times", n)
	}
	return buildtest.Artifact(files)
}

// wholeStore is a store that keeps every content as one object: what an upload costs that
// does not know what is there.
type wholeStore struct {
	build.Store
	client *s3.Client
	bucket string
}

func (w wholeStore) Put(ctx context.Context, key string, r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, err = w.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &w.bucket, Key: &key, Body: bytes.NewReader(data)})
	return err
}

// keepCost is what keeping one artifact took.
type keepCost struct {
	took           time.Duration
	requests, sent int64
}

func measureKeep(b *testing.B, p *faultproxy.Proxy, s build.Store, a *build.Artifact) keepCost {
	requests, sent, _ := p.Traffic()
	begin := time.Now()
	if err := build.NewArchive(s, "").Keep(b.Context(), a); err != nil {
		b.Fatal(err)
	}
	c := keepCost{took: time.Since(begin)}
	c.requests, c.sent, _ = p.Traffic()
	c.requests, c.sent = c.requests-requests, c.sent-sent
	return c
}

// BenchmarkArtifactAfterOneChangedFile keeps an artifact that differs by one file of
// 5,000 from one that the bucket holds, in a process that knows nothing yet, and
// beside it as one object. The medians of five pairs are reported.
func BenchmarkArtifactAfterOneChangedFile(b *testing.B) {
	for _, latency := range latencies {
		b.Run(latency.String(), func(b *testing.B) {
			server := s3servertest.Start(b)
			bucket := server.Bucket(b)
			p, url := behindProxy(b, server.Endpoint, latency)
			server.Endpoint = url
			store := func() *s3store.Store {
				s, err := s3store.New(s3store.Config{Client: server.Client(), Bucket: bucket, Prefix: "chunked/"})
				if err != nil {
					b.Fatal(err)
				}
				return s
			}
			for b.Loop() {
				first := measureKeep(b, p, store(), artifactOf5000(0))
				var ours, peer []keepCost
				for n := range 5 {
					a := artifactOf5000(n + 1)
					ours = append(ours, measureKeep(b, p, store(), a))
					peer = append(peer, measureKeep(b, p, wholeStore{client: server.Client(), bucket: bucket}, a))
				}
				o, w := medianCost(ours), medianCost(peer)
				b.ReportMetric(float64(first.requests), "first-requests")
				b.ReportMetric(first.took.Seconds(), "first-s")
				b.ReportMetric(float64(o.requests), "requests")
				b.ReportMetric(float64(o.sent)/1e6, "MB")
				b.ReportMetric(o.took.Seconds(), "s")
				b.ReportMetric(float64(w.sent)/float64(o.sent), "fewer-bytes-x")
				b.ReportMetric(w.took.Seconds()/o.took.Seconds(), "faster-x")
			}
		})
	}
}

// medianCost returns the cost of the run in the middle, by time.
func medianCost(all []keepCost) keepCost {
	slices.SortFunc(all, func(a, b keepCost) int { return int(a.took - b.took) })
	return all[len(all)/2]
}

// BenchmarkTwoGigabytes puts and reads two gigabytes and reports the most memory that
// was in use meanwhile.
func BenchmarkTwoGigabytes(b *testing.B) {
	const size = 2 << 30
	server := s3servertest.Start(b)
	bucket := server.Bucket(b)
	s, err := s3store.New(s3store.Config{Client: server.Client(), Bucket: bucket})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		m := &heapReader{Reader: io.LimitReader(rand.NewChaCha8([32]byte{1}), size)}
		if err := s.Put(b.Context(), "large", m); err != nil {
			b.Fatal(err)
		}
		r, err := s.Get(b.Context(), "large")
		if err != nil {
			b.Fatal(err)
		}
		m.Reader = r
		if n, err := io.Copy(io.Discard, m); err != nil || n != size {
			b.Fatal(n, err)
		}
		b.ReportMetric(float64(m.most)/1e6, "MB-heap")
	}
}

// heapReader notes how much memory is in use while it is read from.
type heapReader struct {
	io.Reader
	read, next int64
	most       uint64
}

func (m *heapReader) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if m.read += int64(n); m.read >= m.next {
		m.next = m.read + 16<<20
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		m.most = max(m.most, stats.HeapInuse+stats.StackInuse)
	}
	return n, err
}
