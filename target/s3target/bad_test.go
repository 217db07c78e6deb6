package s3target_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/s3target"
)

// public is what people see of the site: all that is below no folder of muster's.
func (r *rig) public() map[string]string {
	r.t.Helper()
	seen := map[string]string{}
	for _, key := range r.bucket.Keys() {
		if strings.HasPrefix(key, "releases/") || key == "current.json" {
			continue
		}
		_, seen[key] = r.get(key)
	}
	return seen
}

// try prepares and activates, and returns the first error.
func (r *rig) try(a *build.Artifact) error {
	if err := r.Prepare(r.t.Context(), r.order(a), a); err != nil {
		return err
	}
	return r.Activate(r.t.Context(), r.order(a))
}

// refuses lets the bucket answer requests of some operations with an error.
func (r *rig) refuses(status int, code string, operations ...string) {
	r.bucket.Break(func(c s3test.Call) (f s3test.Fault) {
		if len(operations) == 0 || slices.Contains(operations, c.Operation) {
			f.Refuse = s3test.Failure(status, code, "no")
		}
		return f
	})
}

// lacking is a policy without one of its actions.
func lacking(t *testing.T, action string) *s3test.Policy {
	p, err := s3test.ParsePolicy(policy, "sites", "")
	require.NoError(t, err)
	for i := range p.Statement {
		p.Statement[i].Action = slices.DeleteFunc(p.Statement[i].Action, func(a string) bool { return a == action })
	}
	return p
}

// What is wrong with a bucket is said, leaves what people see as it was, and keeps the
// same call from finishing the work no longer than it lasts.
func TestWhatIsWrongWithABucketIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(r *rig)
		want  string
	}{
		"no bucket":              {func(r *rig) { r.bucket.Name = "sties" }, "there is no bucket sites"},
		"no right to read":       {func(r *rig) { r.bucket.Policy = lacking(r.t, "s3:GetObject") }, "the credentials lack s3:GetObject on it"},
		"no right to write":      {func(r *rig) { r.bucket.Policy = lacking(r.t, "s3:PutObject") }, "the credentials lack s3:PutObject on it"},
		"no right to see absent": {func(r *rig) { r.bucket.Policy = lacking(r.t, "s3:ListBucket") }, "s3:ListBucket on the bucket"},
		"another region":         {func(r *rig) { r.refuses(301, "PermanentRedirect") }, "in another region"},
		"another region, v4":     {func(r *rig) { r.refuses(400, "AuthorizationHeaderMalformed") }, "in another region"},
		"an ACL is refused":      {func(r *rig) { r.refuses(400, "AccessControlListNotSupported", "PutObject") }, "the bucket refuses ACLs"},
		"expired credentials":    {func(r *rig) { r.refuses(400, "ExpiredToken") }, "the credentials have expired"},
		"unknown credentials":    {func(r *rig) { r.refuses(403, "InvalidAccessKeyId") }, "the server does not know the credentials"},
		"wrong credentials":      {func(r *rig) { r.refuses(403, "SignatureDoesNotMatch") }, "the secret key is not that of the access key"},
		"a clock that is wrong":  {func(r *rig) { r.refuses(403, "RequestTimeTooSkewed") }, "this machine's clock"},
		"a full disk":            {func(r *rig) { r.refuses(507, "XMinioStorageFull", "PutObject") }, "the server has no room left"},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, s3target.Config{})
			good, named := r.bucket.Policy, r.bucket.Name
			r.ship(numbered(1))
			before := r.public()
			c.spoil(r)
			assert.ErrorContains(t, r.try(numbered(2)), c.want)
			r.bucket.Break(nil)
			r.bucket.Policy, r.bucket.Name = good, named
			after := r.public()
			for key := range before {
				assert.Equal(t, before[key], after[key], key)
			}
			r.ship(numbered(2))
		})
	}
}

func TestADeploysMissingRightsAreNamedWhereTheyAreNeeded(t *testing.T) {
	big := site(map[string]string{"index.html": "x", "assets/film-12345678.mp4": strings.Repeat("x", 9<<20)})
	r := open(t, s3target.Config{})
	r.bucket.Policy = lacking(t, "s3:AbortMultipartUpload")
	r.bucket.Break(func(c s3test.Call) (f s3test.Fault) {
		if c.Operation == "UploadPart" {
			f.Refuse = errDead
		}
		return f
	})
	assert.ErrorContains(t, r.try(big), "the credentials lack s3:AbortMultipartUpload on it")

	r = open(t, s3target.Config{Grace: 1})
	r.ship(numbered(1))
	r.ship(numbered(2))
	r.ship(numbered(3))
	r.bucket.Policy = lacking(t, "s3:DeleteObject")
	var err error
	for range 2 {
		o := r.order(numbered(3))
		o.Keep = []string{}
		_, err = r.Prune(t.Context(), o)
	}
	assert.ErrorContains(t, err, "the credentials lack s3:DeleteObject on it")
	assert.Contains(t, r.bucket.Keys(), "assets/app-00000001.js")
}

// deaf is a server that ignores a condition.
type deaf struct {
	*s3test.Bucket
	ignore func(*s3.PutObjectInput)
}

func (d deaf) PutObject(ctx context.Context, in *s3.PutObjectInput, o ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	d.ignore(in)
	return d.Bucket.PutObject(ctx, in, o...)
}

func TestAServerThatIgnoresAConditionIsRefusedByName(t *testing.T) {
	for header, ignore := range map[string]func(*s3.PutObjectInput){
		"If-None-Match: *": func(in *s3.PutObjectInput) { in.IfNoneMatch = nil },
		"If-Match":         func(in *s3.PutObjectInput) { in.IfMatch = nil },
	} {
		_, err := s3target.Open(t.Context(), s3target.Config{Client: deaf{&s3test.Bucket{}, ignore}, Bucket: "sites"})
		assert.ErrorIs(t, err, s3target.ErrConditions, header)
		assert.ErrorContains(t, err, header)
	}
}

// Credentials that expire anywhere in a deploy leave every page with the assets that it
// names, and new ones finish it.
func TestCredentialsThatExpireInMidDeploy(t *testing.T) {
	for n := 0; ; n++ {
		r := open(t, s3target.Config{})
		r.ship(numbered(1))
		var left atomic.Int64
		left.Store(int64(n))
		r.bucket.Break(func(s3test.Call) (f s3test.Fault) {
			if left.Add(-1) < 0 {
				f.Refuse = s3test.Failure(400, "ExpiredToken", "The provided token has expired.")
			}
			return f
		})
		o := r.order(numbered(2))
		err := r.Prepare(t.Context(), o, numbered(2))
		prepared := err == nil
		if prepared {
			o = r.order(numbered(2))
			err = r.Activate(t.Context(), o)
		}
		r.bucket.Break(nil)
		if err == nil {
			assert.Greater(t, n, 10)
			return
		}
		assert.ErrorContains(t, err, "the credentials have expired", "after %d requests", n)
		page := r.public()["index.html"]
		assert.Contains(t, r.public(), strings.TrimSuffix(strings.TrimPrefix(page, "<script src="), "></script>"), "after %d requests", n)
		if !prepared {
			assert.Contains(t, page, "00000001")
			require.NoError(t, r.Prepare(t.Context(), o, numbered(2)))
			o = r.order(numbered(2))
		}
		require.NoError(t, r.Activate(t.Context(), o), "after %d requests", n)
		assert.Contains(t, r.public()["index.html"], "00000002")
	}
}

// shrinking is an artifact one of whose files has become shorter since it was measured.
func shrinking(t *testing.T, files map[string]string, name string) *build.Artifact {
	whole := site(files)
	a, err := build.NewArtifact(whole.Manifest, func(f build.File) (io.ReadCloser, error) {
		content := files[f.Path]
		if f.Path == name {
			content = content[:len(content)-1]
		}
		return io.NopCloser(strings.NewReader(content)), nil
	})
	require.NoError(t, err)
	return a
}

func TestAFileThatShrinksWhileItIsRead(t *testing.T) {
	for _, size := range []int{1, 1 << 10, 9 << 20} {
		for _, name := range []string{"assets/app-12345678.js", "robots.txt"} {
			t.Run(fmt.Sprint(name, " of ", size), func(t *testing.T) {
				r := open(t, s3target.Config{})
				r.ship(numbered(1))
				before := r.public()
				files := map[string]string{"index.html": "2", name: strings.Repeat("x", size)}
				err := r.try(shrinking(t, files, name))
				assert.ErrorContains(t, err, name)
				assert.ErrorContains(t, err, fmt.Sprintf("shorter than %d bytes", size))
				assert.Equal(t, before, r.public())
				assert.Zero(t, r.bucket.Uploads())
				r.ship(site(files))
			})
		}
	}
}

func TestAFileThatCannotBeRead(t *testing.T) {
	r := open(t, s3target.Config{})
	r.ship(numbered(1))
	before := r.public()
	whole, broken := numbered(2), errors.New("input/output error")
	a, err := build.NewArtifact(whole.Manifest, func(f build.File) (io.ReadCloser, error) {
		if f.Path == "robots.txt" {
			return nil, broken
		}
		return whole.Files.Open(f.Path)
	})
	require.NoError(t, err)
	assert.ErrorIs(t, r.try(a), broken)
	before["assets/app-00000002.js"] = "console.log(2)" // It may be there: no page names it.
	assert.Subset(t, before, r.public())
	r.ship(whole)
}

// What somebody has done to an object is found where it is looked for, and mended by the
// same release again.
func TestAnObjectThatWasChangedBehindOurBack(t *testing.T) {
	write := func(r *rig, key, content string) {
		_, err := r.bucket.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("sites"), Key: &key, Body: bytes.NewReader([]byte(content))})
		require.NoError(t, err)
	}
	remove := func(r *rig, key string) {
		_, err := r.bucket.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: new("sites"), Key: &key})
		require.NoError(t, err)
	}
	problem := func(r *rig) string {
		state, err := r.Observe(t.Context(), target.Order{})
		require.NoError(t, err)
		return state.Units[0].Problem
	}
	for name, c := range map[string]struct {
		spoil func(r *rig)
		want  string
	}{
		"a page was written":   {func(r *rig) { write(r, "index.html", "by hand") }, "s3://sites/index.html: it has another content"},
		"a page was deleted":   {func(r *rig) { remove(r, "index.html") }, "s3://sites/index.html: it is not there"},
		"a worker was deleted": {func(r *rig) { remove(r, "sw.js") }, "s3://sites/sw.js: it is not there"},
	} {
		r := open(t, s3target.Config{})
		r.ship(numbered(1))
		c.spoil(r)
		assert.Contains(t, problem(r), c.want, name)
		require.NoError(t, r.Activate(t.Context(), r.order(numbered(1))), name)
		assert.Empty(t, problem(r), name)
	}

	r := open(t, s3target.Config{})
	r.ship(numbered(1))
	require.NoError(t, r.Prepare(t.Context(), r.order(numbered(2)), numbered(2)))
	before := r.public()
	for _, key := range r.bucket.Keys() {
		if strings.HasPrefix(key, "releases/files/") {
			remove(r, key)
		}
	}
	assert.ErrorContains(t, r.Activate(t.Context(), r.order(numbered(2))), "deleted behind our back: prepare the release again")
	assert.Equal(t, before["index.html"], r.public()["index.html"])
	r.ship(numbered(2))

	write(r, "current.json", "{")
	assert.ErrorContains(t, r.try(numbered(3)), "s3://sites/current.json is damaged")
	assert.Contains(t, r.public()["index.html"], "00000002")
}

func TestASiteWithoutAnEntry(t *testing.T) {
	r := open(t, s3target.Config{})
	r.ship(numbered(1))
	before := r.public()
	assert.ErrorContains(t, r.try(site(map[string]string{"robots.txt": "x", "assets/a-12345678.js": "x"})), "the site has no index.html")
	assert.Equal(t, before, r.public())
	r.ship(numbered(2))
}

func TestAManifestOfANewerSchemaIsLeftAlone(t *testing.T) {
	r := open(t, s3target.Config{})
	r.ship(numbered(1))
	require.NoError(t, r.Prepare(t.Context(), r.order(numbered(2)), numbered(2)))
	name := "releases/" + strings.TrimPrefix(numbered(2).Digest, "sha256:") + "/manifest.json"
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err := zip.Write([]byte(`{"schema":2}`))
	require.NoError(t, errors.Join(err, zip.Close()))
	_, err = r.bucket.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("sites"), Key: &name, Body: bytes.NewReader(packed.Bytes())})
	require.NoError(t, err)
	fresh, err := s3target.New(s3target.Config{Client: r.bucket, Bucket: "sites"})
	require.NoError(t, err)
	r.Target = fresh
	err = r.try(numbered(2))
	assert.ErrorContains(t, err, "s3://sites/"+name)
	assert.ErrorContains(t, err, "schema 2, and this deployer knows 1: a newer one has written it; use that")
	assert.Contains(t, r.public()["index.html"], "00000001")
}
