package s3target_test

import (
	_ "embed"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/s3target"
)

//go:embed policy.json
var policy []byte

// rig is a site in a bucket that only what policy.json allows can be done with.
type rig struct {
	*s3target.Target
	bucket *s3test.Bucket
	number uint64
	t      *testing.T
}

func open(t *testing.T, c s3target.Config) *rig {
	p, err := s3test.ParsePolicy(policy, "sites", c.Prefix)
	require.NoError(t, err)
	b := &s3test.Bucket{Name: "sites", Policy: p}
	c.Client, c.Bucket = b, "sites"
	s, err := s3target.Open(t.Context(), c)
	require.NoError(t, err)
	return &rig{Target: s, bucket: b, t: t}
}

func (r *rig) order(a *build.Artifact) target.Order {
	r.number++
	return target.Order{Number: r.number, Release: target.Release{ID: "1-abc", Digest: a.Digest}}
}

func (r *rig) ship(a *build.Artifact) {
	r.t.Helper()
	require.NoError(r.t, r.Prepare(r.t.Context(), r.order(a), a))
	require.NoError(r.t, r.Activate(r.t.Context(), r.order(a)))
}

func (r *rig) get(key string) (*s3.GetObjectOutput, string) {
	r.t.Helper()
	out, err := r.bucket.GetObject(r.t.Context(), &s3.GetObjectInput{Bucket: new("sites"), Key: &key})
	require.NoError(r.t, err)
	text, err := io.ReadAll(out.Body)
	require.NoError(r.t, err)
	return out, string(text)
}

// large returns a site of a thousand files, of which what changes with n is one page
// and one asset.
func large(n int) *build.Artifact {
	files := map[string]string{
		"index.html":                         fmt.Sprint("page ", n),
		fmt.Sprintf("assets/app-%08d.js", n): fmt.Sprint("app ", n),
	}
	for i := range 500 {
		files[fmt.Sprintf("assets/chunk-%08d.js", i)] = fmt.Sprint("chunk ", i)
		files[fmt.Sprintf("docs/%d.txt", i)] = fmt.Sprint("text ", i)
	}
	return site(files)
}

func TestADeployCostsWhatChanged(t *testing.T) {
	r := open(t, s3target.Config{})
	r.ship(large(1))
	r.bucket.Forget()
	r.ship(large(2))
	calls := r.bucket.Calls()
	assert.LessOrEqual(t, len(calls), 2+4+10)
	assert.LessOrEqual(t, len(calls), 10, "one after the other at most")
	for _, c := range calls {
		assert.NotEqual(t, "ListObjectsV2", c.Operation)
	}

	r.bucket.Forget()
	require.NoError(t, r.Activate(t.Context(), r.order(large(1))))
	calls = r.bucket.Calls()
	assert.LessOrEqual(t, len(calls), 6, "a rollback")
	for _, c := range calls {
		assert.True(t, c.Bytes == 0 || c.Key == "current.json", "a rollback uploads nothing, not %s", c.Key)
	}

	fresh, err := s3target.New(s3target.Config{Client: r.bucket, Bucket: "sites"})
	require.NoError(t, err)
	r.Target = fresh
	r.bucket.Forget()
	r.ship(large(3))
	assert.LessOrEqual(t, len(r.bucket.Calls()), 2+4+10, "in a new process")
}

func TestFilesAreServedAsWhatTheyAre(t *testing.T) {
	r := open(t, s3target.Config{Prefix: "shop/", Variants: []s3target.Encoding{s3target.Gzip}})
	long := strings.Repeat("long ", 1000)
	r.ship(site(map[string]string{
		"index.html": long, "assets/a b+c#?ü-12345678.js": long, "old.js.br": "br", "app.wasm": "w", "data.tar.gz": "t",
		".env": "secret", "assets/app-12345678.js.map": "{}", ".well-known/security.txt": "mail",
	}))
	for key, want := range map[string]s3target.Headers{
		"shop/index.html":                     {ContentType: "text/html; charset=utf-8", CacheControl: "no-cache"},
		"shop/index.html.gz":                  {ContentType: "text/html; charset=utf-8", CacheControl: "no-cache", ContentEncoding: "gzip"},
		"shop/assets/a b+c#?ü-12345678.js":    {ContentType: "text/javascript; charset=utf-8", CacheControl: "public, max-age=31536000, immutable"},
		"shop/old.js.br":                      {ContentType: "text/javascript; charset=utf-8", CacheControl: "no-cache", ContentEncoding: "br"},
		"shop/app.wasm":                       {ContentType: "application/wasm", CacheControl: "no-cache"},
		"shop/data.tar.gz":                    {ContentType: "application/octet-stream", CacheControl: "no-cache"},
		"shop/.well-known/security.txt":       {ContentType: "text/plain; charset=utf-8", CacheControl: "no-cache"},
		"shop/assets/a b+c#?ü-12345678.js.gz": {ContentType: "text/javascript; charset=utf-8", CacheControl: "public, max-age=31536000, immutable", ContentEncoding: "gzip"},
	} {
		out, _ := r.get(key)
		got := s3target.Headers{ContentType: *out.ContentType, CacheControl: *out.CacheControl}
		if out.ContentEncoding != nil {
			got.ContentEncoding = *out.ContentEncoding
		}
		assert.Equal(t, want, got, key)
	}
	assert.NotContains(t, r.bucket.Keys(), "shop/.env")
	assert.NotContains(t, r.bucket.Keys(), "shop/assets/app-12345678.js.map")
}

func TestALargeFileGoesPartByPart(t *testing.T) {
	r := open(t, s3target.Config{})
	content := strings.Repeat("0123456789abcdef", 20<<20/16)
	r.ship(site(map[string]string{"index.html": "x", "assets/film-12345678.mp4": content, "film.mp4": content}))
	_, got := r.get("assets/film-12345678.mp4")
	assert.True(t, got == content)
	_, got = r.get("film.mp4")
	assert.True(t, got == content)
	assert.Zero(t, r.bucket.Uploads())
}

func TestAHashedNameWithAnotherContentIsRefused(t *testing.T) {
	r := open(t, s3target.Config{})
	r.ship(site(map[string]string{"index.html": "1", "assets/a-12345678.js": "1"}))
	other := site(map[string]string{"index.html": "2", "assets/a-12345678.js": "2"})
	err := r.Prepare(t.Context(), r.order(other), other)
	assert.ErrorContains(t, err, "s3://sites/assets/a-12345678.js is there with another content")
	_, page := r.get("index.html")
	assert.Equal(t, "1", page)
}

func TestWhatCannotBeASiteIsRefused(t *testing.T) {
	r := open(t, s3target.Config{})
	bad := site(map[string]string{"a.txt": "no page", "releases/x": "", "current.json": "", "link": "-> a.txt"})
	err := r.Prepare(t.Context(), r.order(bad), bad)
	for _, want := range []string{"no index.html", "releases/x: ", "current.json: ", "link is a symbolic link"} {
		assert.ErrorContains(t, err, want)
	}
	_, err = s3target.New(s3target.Config{Prefix: "/x", Margin: -1})
	for _, want := range []string{"no Client", "no Bucket", "Prefix", "Margin"} {
		assert.ErrorContains(t, err, want)
	}
}

func TestAPointerOfANewerSchemaIsLeftAlone(t *testing.T) {
	r := open(t, s3target.Config{})
	_, err := r.bucket.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("sites"), Key: new("current.json"), Body: strings.NewReader(`{"schema":2}`)})
	require.NoError(t, err)
	a := numbered(1)
	assert.ErrorContains(t, r.Prepare(t.Context(), r.order(a), a), "schema 2")
	assert.ErrorContains(t, r.Activate(t.Context(), r.order(a)), "schema 2")
	_, text := r.get("current.json")
	assert.Equal(t, `{"schema":2}`, text)
}

// A page that cannot be written puts back what was served.
func TestAFailedSwitchIsPutBack(t *testing.T) {
	r := open(t, s3target.Config{})
	r.ship(numbered(1))
	a := numbered(2)
	require.NoError(t, r.Prepare(t.Context(), r.order(a), a))
	var once sync.Once
	r.bucket.Break(func(c s3test.Call) (f s3test.Fault) {
		if c.Operation == "CopyObject" && c.Key == "index.html" {
			once.Do(func() { f.Refuse = s3test.Failure(403, "AccessDenied", "no") })
		}
		return f
	})
	assert.ErrorContains(t, r.Activate(t.Context(), r.order(a)), "s3:PutObject")
	state, err := r.Observe(t.Context(), target.Order{})
	require.NoError(t, err)
	assert.Equal(t, target.Unit{Name: "sites", Condition: target.Serving, Digest: numbered(1).Digest, Number: r.number}, state.Units[0])
	_, robots := r.get("robots.txt")
	assert.Equal(t, "# release 1\n", robots)
}

func TestABusyServerIsWaitedFor(t *testing.T) {
	r := open(t, s3target.Config{})
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(1, 1))
	r.bucket.Break(func(c s3test.Call) (f s3test.Fault) {
		mu.Lock()
		defer mu.Unlock()
		if c.Operation == "PutObject" && strings.HasPrefix(c.Key, "assets/") && random.IntN(3) == 0 {
			f.Refuse = s3test.Failure(503, "SlowDown", "slow")
		}
		return f
	})
	r.ship(numbered(1))
}

func TestPruneDeletesWhatNothingNeeds(t *testing.T) {
	r := open(t, s3target.Config{Grace: time.Nanosecond})
	for n := range 4 {
		r.ship(numbered(n + 1))
	}
	keep := func(all ...string) target.Order {
		o := r.order(numbered(4))
		o.Keep = append([]string{}, all...)
		return o
	}
	_, err := r.Prune(t.Context(), target.Order{Number: 99})
	assert.ErrorContains(t, err, "Keep")
	n, err := r.Prune(t.Context(), keep(numbered(1).Digest))
	require.NoError(t, err)
	assert.Zero(t, n, "the first one writes tombstones")
	r.bucket.Break(func(c s3test.Call) (f s3test.Fault) {
		if c.Operation == "ListObjectsV2" {
			f.Refuse = errDead
		}
		return f
	})
	_, err = r.Prune(t.Context(), keep(numbered(1).Digest))
	assert.ErrorIs(t, err, errDead)
	r.bucket.Break(nil)
	n, err = r.Prune(t.Context(), keep(numbered(1).Digest))
	require.NoError(t, err)
	assert.NotZero(t, n)
	assert.NotContains(t, r.bucket.Keys(), "assets/app-00000002.js")
	for _, kept := range []string{"assets/app-00000001.js", "assets/app-00000003.js", "assets/app-00000004.js", "assets/logo-12345678.svg", "index.html", "robots.txt"} {
		assert.Contains(t, r.bucket.Keys(), kept)
	}
	assert.ErrorIs(t, r.Activate(t.Context(), r.order(numbered(2))), target.ErrUnprepared)
	for _, n := range []int{1, 3, 4, 2} {
		r.ship(numbered(n))
	}
}
