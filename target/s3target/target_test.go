package s3target_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/s3target"
	"github.com/muster-deploy/muster/target/targettest"
)

// site returns the artifact of files, of which pages are entries, and what lies in
// assets is hashed.
func site(files map[string]string) *build.Artifact {
	plain := buildtest.Artifact(files)
	list := make([]build.File, len(plain.Manifest))
	for i, f := range plain.Manifest {
		switch {
		case f.Link != "":
		case f.Path == "sw.js":
			f.Class = build.ServiceWorker
		case strings.HasSuffix(f.Path, ".html"):
			f.Class = build.Entry
		case strings.HasPrefix(f.Path, "assets/"):
			f.Class = build.Hashed
		}
		list[i] = f
	}
	a, err := build.NewArtifact(list, func(f build.File) (io.ReadCloser, error) { return plain.Files.Open(f.Path) })
	if err != nil {
		panic(err)
	}
	return a
}

// numbered returns the n-th of a row of small sites.
func numbered(n int) *build.Artifact {
	return site(map[string]string{
		"index.html":                         fmt.Sprintf("<script src=assets/app-%08d.js></script>", n),
		"robots.txt":                         fmt.Sprintf("# release %d\n", n),
		"sw.js":                              fmt.Sprintf("// release %d\n", n),
		fmt.Sprintf("assets/app-%08d.js", n): fmt.Sprintf("console.log(%d)", n),
		"assets/logo-12345678.svg":           "<svg/>",
	})
}

// place is a bucket whose deployers can die between any two requests.
type place struct {
	*s3test.Bucket
	config s3target.Config
	left   atomic.Int64
}

var errDead = errors.New("the deployer is dead")

func newPlace(c s3target.Config) *place {
	p := &place{Bucket: &s3test.Bucket{Name: "sites"}, config: c}
	p.config.Client, p.config.Bucket = p.Bucket, "sites"
	p.left.Store(1 << 60)
	p.Break(func(s3test.Call) (f s3test.Fault) {
		if p.left.Add(-1) < 0 {
			f.Refuse = errDead
		}
		return f
	})
	return p
}

func (p *place) Open() (target.Target, error)   { return s3target.New(p.config) }
func (p *place) Artifact(n int) *build.Artifact { return numbered(n) }

func (p *place) CrashAfter(steps int) func() bool {
	p.left.Store(int64(steps))
	return func() bool { return p.left.Swap(1<<60) < 0 }
}

func (p *place) Drift(string) {
	_, err := p.PutObject(context.Background(), &s3.PutObjectInput{Bucket: new("sites"), Key: new(p.config.Prefix + "index.html"), Body: strings.NewReader("by hand")})
	if err != nil {
		panic(err)
	}
}

func TestASitePassesTheSuite(t *testing.T) {
	targettest.TestTarget(t, func(targettest.TB) targettest.Place {
		return newPlace(s3target.Config{Prefix: "shop/", Variants: []s3target.Encoding{s3target.Gzip, s3target.Brotli}})
	})
}
