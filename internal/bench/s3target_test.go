//go:build integration

package bench

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/internal/faultproxy"
	"github.com/muster-deploy/muster/internal/partstest/s3servertest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/s3target"
)

var (
	sitePairs = flag.Int("site-pairs", 5, "how often each deploy of a site is measured")
	siteFiles = flag.Int("site-files", 5000, "how many files of 20 kB a site has")
)

// siteDir writes a site of which 98 of 100 files are hashed.
func siteDir(b *testing.B) string {
	dir := b.TempDir()
	r := rand.NewChaCha8([32]byte{})
	content := make([]byte, 20_000)
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

// siteTool brings a directory into a bucket.
type siteTool struct {
	name   string
	deploy func(b *testing.B, server *s3servertest.Server, bucket, dir string)
}

// siteTools are those that are found on this machine: peers are not part of the set-up.
func siteTools(b *testing.B) []siteTool {
	var all []siteTool
	if _, err := exec.LookPath("aws"); err == nil {
		all = append(all, siteTool{"aws-s3-sync", func(b *testing.B, s *s3servertest.Server, bucket, dir string) {
			peer(b, s, "aws", "s3", "sync", "--only-show-errors", "--endpoint-url", s.Endpoint, dir, "s3://"+bucket)
		}})
	}
	if _, err := exec.LookPath("rclone"); err == nil {
		all = append(all, siteTool{"rclone", func(b *testing.B, s *s3servertest.Server, bucket, dir string) {
			peer(b, s, "rclone", "sync", "--checksum", "--transfers", "64", "--checkers", "64", "--fast-list", "--s3-no-head", "--s3-no-check-bucket", dir, "peer:"+bucket)
		}})
	}
	if len(all) == 0 {
		b.Fatal("neither aws nor rclone is on this machine: install awscli and rclone")
	}
	return all
}

// peer runs a tool with what it reads of the environment to find the server.
func peer(b *testing.B, s *s3servertest.Server, words ...string) {
	keys, err := s.Config().Credentials.Retrieve(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	c := exec.CommandContext(b.Context(), words[0], words[1:]...)
	c.Env = append(os.Environ(), "AWS_CA_BUNDLE=", "AWS_ACCESS_KEY_ID="+keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+keys.SecretAccessKey, "AWS_DEFAULT_REGION=us-east-1",
		"RCLONE_CONFIG_PEER_TYPE=s3", "RCLONE_CONFIG_PEER_PROVIDER=Other", "RCLONE_CONFIG_PEER_ENV_AUTH=true",
		"RCLONE_CONFIG_PEER_REGION=us-east-1", "RCLONE_CONFIG_PEER_ENDPOINT="+s.Endpoint)
	if out, err := c.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", words[0], err, out)
	}
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
	proxy  *faultproxy.Proxy
}

func newOurSite(b *testing.B, server *s3servertest.Server, bucket string, p *faultproxy.Proxy) *ourSite {
	t, err := s3target.New(s3target.Config{Client: s3target.NewClient(server.Config(), s3servertest.PathStyle), Bucket: bucket})
	if err != nil {
		b.Fatal(err)
	}
	return &ourSite{Target: t, proxy: p}
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
	requests, _, _ := s.proxy.Traffic()
	begin := time.Now()
	if err := do(); err != nil {
		b.Fatal(err)
	}
	after, _, _ := s.proxy.Traffic()
	return siteCost{took: time.Since(begin), requests: after - requests}
}

// BenchmarkSite deploys a site for the first time and after one changed file, and rolls
// it back, beside the tools that are found here, in turns. The medians are reported: in
// seconds, and how much longer than this target the tools take.
func BenchmarkSite(b *testing.B) {
	for _, latency := range latencies {
		b.Run(latency.String(), func(b *testing.B) {
			server := s3servertest.Start(b)
			p, url := behindProxy(b, server.Endpoint, latency)
			direct := *server
			server.Endpoint = url
			tools := siteTools(b)
			for b.Loop() {
				benchSite(b, &direct, server, p, tools)
			}
		})
	}
}

func benchSite(b *testing.B, direct, server *s3servertest.Server, p *faultproxy.Proxy, tools []siteTool) {
	took := map[string][]time.Duration{}
	note := func(what string, d time.Duration) { took[what] = append(took[what], d) }
	var change, back siteCost
	for range *sitePairs {
		dir := siteDir(b)
		ours := newOurSite(b, server, direct.Bucket(b), p)
		first := artifactOfSite(b, dir)
		note("first-muster", ours.ship(b, first).took)
		buckets := map[string]string{}
		for _, tool := range tools {
			buckets[tool.name] = direct.Bucket(b)
			begin := time.Now()
			tool.deploy(b, server, buckets[tool.name], dir)
			note("first-"+tool.name, time.Since(begin))
		}
		changeSite(b, dir, 1)
		change = ours.ship(b, artifactOfSite(b, dir))
		note("change-muster", change.took)
		for _, tool := range tools {
			begin := time.Now()
			tool.deploy(b, server, buckets[tool.name], dir)
			note("change-"+tool.name, time.Since(begin))
		}
		back = ours.roll(b, first)
		note("rollback-muster", back.took)
	}
	for what, all := range took {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2].Seconds(), what+"-s")
	}
	b.ReportMetric(float64(change.requests), "change-requests")
	b.ReportMetric(float64(back.requests), "rollback-requests")
}
