package s3target

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// Bounds of a manifest in bytes, as it is kept and as it is read.
const (
	maxPacked   = 128 << 20
	maxManifest = 512 << 20
)

// release is what releases/<digest>/manifest.json says. Its presence is PREPARED.
type release struct {
	Schema  int            `json:"schema"`
	Release target.Release `json:"release"`
	// Rules are those by which the files became objects.
	Rules rules `json:"rules"`
	// Manifest is the text of build.EncodeManifest, whose digest is the release's.
	Manifest string `json:"manifest"`

	objects []object
}

// releases remembers those that were read or written last: they are immutable.
type releases struct {
	mu   sync.Mutex
	last []*release
}

func (r *releases) find(digest string) *release {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, known := range r.last {
		if known.Release.Digest == digest {
			return known
		}
	}
	return nil
}

func (r *releases) add(n *release) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = append([]*release{n}, slices.DeleteFunc(r.last, func(o *release) bool { return o.Release.Digest == n.Release.Digest })...)
	r.last = r.last[:min(len(r.last), 3)]
}

func (r *releases) forget(digest string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = slices.DeleteFunc(r.last, func(o *release) bool { return o.Release.Digest == digest })
}

// manifestName is where a release's manifest stands, below the prefix.
func manifestName(digest string) string {
	return folder + strings.TrimPrefix(digest, "sha256:") + "/manifest.json"
}

// prepared returns a release that is prepared, or target.ErrUnprepared.
func (t *Target) prepared(ctx context.Context, digest string) (*release, error) {
	if r := t.releases.find(digest); r != nil {
		return r, nil
	}
	if err := build.CheckDigest(digest); err != nil {
		return nil, err
	}
	packed, _, err := t.read(ctx, manifestName(digest), maxPacked)
	if missing(err) {
		return nil, fmt.Errorf("%s is not there: %w", t.url(manifestName(digest)), target.ErrUnprepared)
	}
	if err != nil {
		return nil, err
	}
	r, err := t.parse(packed, digest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.url(manifestName(digest)), err)
	}
	t.releases.add(r)
	return r, nil
}

// parse reads a manifest, and believes nothing that its digest does not prove.
func (t *Target) parse(packed []byte, digest string) (*release, error) {
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	var r release
	if err := json.NewDecoder(io.LimitReader(zip, maxManifest)).Decode(&r); err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	if r.Schema > schema {
		return nil, fmt.Errorf("it is of schema %d, and this deployer knows %d: a newer one has written it; use that", r.Schema, schema)
	}
	sum := sha256.Sum256([]byte(r.Manifest))
	if "sha256:"+hex.EncodeToString(sum[:]) != digest || r.Release.Digest != digest {
		return nil, fmt.Errorf("it is not that of %s: %w", digest, build.ErrCorrupt)
	}
	files, err := build.ParseManifest([]byte(r.Manifest))
	if err != nil {
		return nil, err
	}
	if r.objects, err = t.config.by(r.Rules).publish(files); err != nil {
		return nil, err
	}
	return &r, nil
}

// keep writes the manifest of a release all of whose objects are there.
func (t *Target) keep(ctx context.Context, r *release) error {
	var packed bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed) // It fails for an unknown level only.
	if err := errors.Join(json.NewEncoder(zip).Encode(r), zip.Close()); err != nil {
		return err
	}
	_, err := t.config.Client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &t.config.Bucket, Key: t.key(manifestName(r.Release.Digest)), Body: bytes.NewReader(packed.Bytes()),
		ContentLength: new(int64(packed.Len())), ChecksumSHA256: new(checksum(packed.Bytes())),
		ContentType: new("application/json; charset=utf-8"), ContentEncoding: new("gzip"), CacheControl: new(never),
	})
	if err != nil {
		return t.explain("s3:PutObject", manifestName(r.Release.Digest), err)
	}
	t.releases.add(r)
	return nil
}
