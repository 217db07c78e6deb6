//go:build integration

package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/internal/partstest/s3servertest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/s3target"
)

var (
	sitePairs = flag.Int("site-pairs", 5, "how often each deploy of a site is measured")
	siteFiles = flag.Int("site-files", 5000, "how many files a site has")
	siteSize  = flag.Int("site-size", 20_000, "how large each of them is, in bytes")
)

// siteDir writes a site of which 98 of 100 files are hashed.
func siteDir(b *testing.B) string {
	dir := b.TempDir()
	r := rand.NewChaCha8([32]byte{})
	content := make([]byte, *siteSize)
	for i := range *siteFiles {
		_, _ = r.Read(content)
		name := fmt.Sprintf("assets/%02d/chunk-%08x.js", i%50, i)
		if i%50 == 0 {
			name = fmt.Sprintf("pages/page-%d.txt", i)
		}
		writeSite(b, dir, name, content)
	}
	changeSite(b, dir, 0)
	return dir
}

func writeSite(b *testing.B, dir, name string, content []byte) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		b.Fatal(err)
	}
}

// changeSite puts in place the n-th page, which names the n-th asset.
func changeSite(b *testing.B, dir string, n int) {
	writeSite(b, dir, "index.html", fmt.Appendf(nil, "<script src=assets/app-%08d.js></script>", n))
	writeSite(b, dir, fmt.Sprintf("assets/app-%08d.js", n), fmt.Appendf(nil, "console.log(%08d)", n))
}

// artifactOfSite is what a builder would make of the directory.
func artifactOfSite(b *testing.B, dir string) *build.Artifact {
	var files []build.File
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		sum := sha256.Sum256(content)
		f := build.File{Path: filepath.ToSlash(name), Mode: 0o644, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
		switch {
		case f.Path == "index.html":
			f.Class = build.Entry
		case strings.HasPrefix(f.Path, "assets/"):
			f.Class = build.Hashed
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	a, err := build.NewArtifact(files, func(f build.File) (io.ReadCloser, error) {
		return os.Open(filepath.Join(dir, filepath.FromSlash(f.Path)))
	})
	if err != nil {
		b.Fatal(err)
	}
	return a
}

// counted counts the requests of a client, tries again among them.
type counted struct {
	s3.HTTPClient
	requests atomic.Int64
}

func (c *counted) Do(r *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	return c.HTTPClient.Do(r)
}

// siteCost is what an order took.
type siteCost struct {
	took     time.Duration
	requests int64
}

// ourSite is a deployer: each deploy is from the finished artifact to live.
type ourSite struct {
	*s3target.Target
	number uint64
	sent   *counted
}

func newOurSite(b *testing.B, server *s3servertest.Server, bucket string) *ourSite {
	sent := &counted{}
	client := s3target.NewClient(server.Config(), s3servertest.PathStyle, func(o *s3.Options) {
		sent.HTTPClient, o.HTTPClient = o.HTTPClient, sent
	})
	t, err := s3target.New(s3target.Config{Client: client, Bucket: bucket})
	if err != nil {
		b.Fatal(err)
	}
	return &ourSite{Target: t, sent: sent}
}

func (s *ourSite) order(a *build.Artifact) target.Order {
	s.number++
	return target.Order{Number: s.number, Release: target.Release{ID: "r", Digest: a.Digest}}
}

// ship prepares and activates; roll only activates. Both return what it took.
func (s *ourSite) ship(b *testing.B, a *build.Artifact) siteCost {
	return s.measure(b, func() error {
		if err := s.Prepare(b.Context(), s.order(a), a); err != nil {
			return err
		}
		return s.Activate(b.Context(), s.order(a))
	})
}

func (s *ourSite) roll(b *testing.B, a *build.Artifact) siteCost {
	return s.measure(b, func() error { return s.Activate(b.Context(), s.order(a)) })
}

func (s *ourSite) measure(b *testing.B, do func() error) siteCost {
	before, begin := s.sent.requests.Load(), time.Now()
	if err := do(); err != nil {
		b.Fatal(err)
	}
	return siteCost{took: time.Since(begin), requests: s.sent.requests.Load() - before}
}

// ours is the name of this library among its peers.
const ours = "muster"

// race is what several tools took, in turns.
type race map[string][]time.Duration

// median is that of one of them, in seconds.
func (r race) median(name string) float64 {
	all := slices.Sorted(slices.Values(r[name]))
	return all[len(all)/2].Seconds()
}

// report reports all medians, and how often ours fits into that of the fastest peer of
// which the function says that it counts.
func (r race) report(b *testing.B, counts func(string) bool) {
	fastest := 0.0
	for name := range r {
		m := r.median(name)
		b.ReportMetric(m, name+"-s")
		if name != ours && counts(name) && (fastest == 0 || m < fastest) {
			fastest = m
		}
	}
	b.ReportMetric(fastest/r.median(ours), "faster-x")
}

// eachLatency runs a benchmark against a server on this machine, bare and as if it was
// a region away.
func eachLatency(b *testing.B, run func(b *testing.B, direct, server *s3servertest.Server)) {
	for _, latency := range latencies {
		b.Run(latency.String(), func(b *testing.B) {
			server := s3servertest.Start(b)
			direct := *server
			if latency > 0 {
				server.Endpoint = slowly(b, server.Endpoint, latency)
			}
			for b.Loop() {
				run(b, &direct, server)
			}
		})
	}
}

// turns calls each function once, in another order each time.
func turns(round int, all ...func()) {
	for i := range all {
		all[(round+i)%len(all)]()
	}
}

// BenchmarkSiteFirst deploys a site for the first time, in turns with the peers, each
// time into a bucket of its own.
func BenchmarkSiteFirst(b *testing.B) {
	peers := askedPeers(b)
	dir := siteDir(b)
	a := artifactOfSite(b, dir)
	eachLatency(b, func(b *testing.B, direct, server *s3servertest.Server) {
		took := race{}
		for round := range *sitePairs {
			all := []func(){func() {
				took[ours] = append(took[ours], newOurSite(b, server, direct.Bucket(b)).ship(b, a).took)
			}}
			for _, p := range peers {
				all = append(all, func() {
					bucket, begin := direct.Bucket(b), time.Now()
					p.deploy(b, server, bucket, dir)
					took[p.name] = append(took[p.name], time.Since(begin))
				})
			}
			turns(round, all...)
		}
		took.report(b, func(string) bool { return true })
	})
}

// BenchmarkSiteChange deploys a site after one asset and its page have changed, in turns
// with the peers, and rolls it back. Only peers count as the fastest that see a change
// of the same size.
func BenchmarkSiteChange(b *testing.B) {
	peers := askedPeers(b)
	eachLatency(b, func(b *testing.B, direct, server *s3servertest.Server) {
		dir, took, back := siteDir(b), race{}, race{}
		site := newOurSite(b, server, direct.Bucket(b))
		last := artifactOfSite(b, dir)
		site.ship(b, last)
		buckets := map[string]string{}
		for _, p := range peers {
			buckets[p.name] = direct.Bucket(b)
			p.deploy(b, server, buckets[p.name], dir)
		}
		for round := range *sitePairs {
			changeSite(b, dir, round+1)
			next := artifactOfSite(b, dir)
			all := []func(){func() {
				c := site.ship(b, next)
				took[ours] = append(took[ours], c.took)
				b.ReportMetric(float64(c.requests), "requests")
				c = site.roll(b, last)
				back[ours] = append(back[ours], c.took)
				b.ReportMetric(float64(c.requests), "rollback-requests")
				site.roll(b, next)
			}}
			for _, p := range peers {
				all = append(all, func() {
					begin := time.Now()
					p.deploy(b, server, buckets[p.name], dir)
					took[p.name] = append(took[p.name], time.Since(begin))
				})
			}
			turns(round, all...)
			last = next
		}
		b.ReportMetric(back.median(ours), "rollback-s")
		blind := blindPeers(b, server, dir, peers, buckets)
		took.report(b, func(name string) bool { return !blind[name] })
	})
}

// blindPeers are those that do not see that a page has another content, if its name, its
// size and its time are what they were.
func blindPeers(b *testing.B, server *s3servertest.Server, dir string, peers []sitePeer, buckets map[string]string) map[string]bool {
	name := "pages/page-0.txt"
	path := filepath.Join(dir, filepath.FromSlash(name))
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	content := strings.Repeat("x", int(info.Size()))
	writeSite(b, dir, name, []byte(content))
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		b.Fatal(err)
	}
	blind := map[string]bool{}
	for _, p := range peers {
		p.deploy(b, server, buckets[p.name], dir)
		if objectOf(b, server, buckets[p.name], name) != content {
			blind[p.name] = true
			b.Logf("%s does not see a change of the same size", p.name)
		}
	}
	return blind
}

func objectOf(b *testing.B, server *s3servertest.Server, bucket, key string) string {
	out, err := server.Client().GetObject(context.Background(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		b.Fatal(err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	if err != nil {
		b.Fatal(err)
	}
	return string(data)
}
