//go:build integration

package bench

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/internal/partstest/s3servertest"
)

// BenchmarkSiteWithTwoGigabytes deploys a site with a film of two gigabytes and reports
// the most memory that was in use meanwhile.
func BenchmarkSiteWithTwoGigabytes(b *testing.B) {
	const size = 2 << 30
	film := func() io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), size) }
	h := sha256.New()
	if _, err := io.Copy(h, film()); err != nil {
		b.Fatal(err)
	}
	page := sha256.Sum256([]byte("film"))
	heap := &heapReader{}
	a, err := build.NewArtifact([]build.File{
		{Path: "assets/film-12345678.mp4", Mode: 0o644, Size: size, SHA256: hex.EncodeToString(h.Sum(nil)), Class: build.Hashed},
		{Path: "index.html", Mode: 0o644, Size: 4, SHA256: hex.EncodeToString(page[:]), Class: build.Entry},
	}, func(f build.File) (io.ReadCloser, error) {
		if f.Size == size {
			heap.Reader = film()
			return io.NopCloser(heap), nil
		}
		return io.NopCloser(strings.NewReader("film")), nil
	})
	if err != nil {
		b.Fatal(err)
	}
	server := s3servertest.Start(b)
	for b.Loop() {
		s := newOurSite(b, server, server.Bucket(b))
		c := s.ship(b, a)
		b.ReportMetric(float64(heap.most)/1e6, "MB-heap")
		b.ReportMetric(c.took.Seconds(), "s")
	}
}
