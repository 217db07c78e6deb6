package s3target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/muster-deploy/muster/target"
)

// Prune deletes the releases that neither the order's Keep names nor the pointer, with
// all that no other release refers to, and returns how many objects that were. The
// first call that finds a release unneeded writes a tombstone; one that comes later than
// Config.Grace after it deletes. Tabs of that release have been closed by then.
//
// Call it now and then, with an order of the deployer that holds the lease: it raises
// the fence, so that no overtaken one counts on what it deletes. After any error of a
// listing, or of a manifest that cannot be read, it deletes nothing. What is not of a
// release of this site it never touches, but for the left-overs of uploads without an
// end under releases/files/.
func (t *Target) Prune(ctx context.Context, o target.Order) (deleted int, err error) {
	if o.Keep == nil || o.Number == 0 {
		return 0, errors.New("prune: the order needs a Number, and a Keep which is not nil: name the releases to keep")
	}
	now, err := t.load(ctx)
	if err == nil {
		var stale error
		now, stale, err = t.fence(ctx, now, o)
		err = errors.Join(stale, err)
	}
	if err == nil {
		deleted, err = t.prune(ctx, o, now)
	}
	if err != nil {
		return deleted, fmt.Errorf("prune %s: %w", t.config.Name, err)
	}
	return deleted, nil
}

// inspection is what Prune has found out.
type inspection struct {
	needed  map[string]bool // names that releases refer to that are not to be deleted
	expired []string        // digests
	buried  []string        // digests of tombstones of releases that are needed again
	doomed  []string        // digests of releases without a tombstone yet
	loose   []string        // names of contents that no manifest refers to
}

func (t *Target) prune(ctx context.Context, o target.Order, now pointer) (deleted int, err error) {
	seen, err := t.inspectAll(ctx, o, now)
	if err != nil {
		return 0, err
	}
	for _, digest := range seen.doomed {
		if err := t.bury(ctx, digest); err != nil {
			return 0, err
		}
	}
	for _, digest := range seen.buried {
		if err := t.delete(ctx, tombstoneName(digest), &deleted); err != nil {
			return deleted, err
		}
	}
	for _, digest := range seen.expired {
		if err := t.deleteRelease(ctx, digest, seen.needed, &deleted); err != nil {
			return deleted, err
		}
	}
	for _, name := range seen.loose {
		if err := t.delete(ctx, name, &deleted); err != nil {
			return deleted, err
		}
	}
	return deleted, nil
}

// tombstoneName is where the copy of a manifest stands whose release is not needed.
func tombstoneName(digest string) string {
	return folder + strings.TrimPrefix(digest, "sha256:") + "/tombstone.json"
}

// inspectAll lists the releases and reads all manifests.
func (t *Target) inspectAll(ctx context.Context, o target.Order, now pointer) (*inspection, error) {
	kept := map[string]bool{now.Digest: true, now.Previous: true}
	for _, digest := range append(o.Keep, now.Mixed...) {
		kept[digest] = true
	}
	written, err := t.list(ctx, folder)
	if err != nil {
		return nil, err
	}
	in := &inspection{needed: map[string]bool{}}
	old := func(name string) bool { return time.Since(written[name]) > t.config.Grace }
	for name := range written {
		hexes, file, _ := strings.Cut(strings.TrimPrefix(name, folder), "/")
		digest := "sha256:" + hexes
		_, grave := written[tombstoneName(digest)]
		_, there := written[manifestName(digest)]
		switch {
		case file == "tombstone.json" && kept[digest]:
			in.buried = append(in.buried, digest)
		case file == "tombstone.json" && old(name):
			in.expired = append(in.expired, digest)
		case file == "tombstone.json" && !there, file == "manifest.json" && (kept[digest] || !grave || !old(tombstoneName(digest))):
			if err := t.need(ctx, in, name, digest); err != nil {
				return nil, err
			}
		}
		if file == "manifest.json" && !kept[digest] && !grave && old(name) {
			in.doomed = append(in.doomed, digest)
		}
	}
	for name := range written {
		if strings.HasPrefix(name, filesFolder) && !in.needed[name] && old(name) {
			in.loose = append(in.loose, name)
		}
	}
	return in, nil
}

// need notes all names that a release refers to.
func (t *Target) need(ctx context.Context, in *inspection, name, digest string) error {
	r, err := t.manifest(ctx, name, digest)
	if err != nil {
		return err
	}
	for _, o := range r.objects {
		in.needed[o.name], in.needed[o.source()] = true, true
	}
	return nil
}

// manifest reads a manifest, or a tombstone, past the cache.
func (t *Target) manifest(ctx context.Context, name, digest string) (*release, error) {
	packed, _, err := t.read(ctx, name, maxPacked)
	if err != nil {
		return nil, err
	}
	return t.parse(packed, digest)
}

// bury writes the tombstone of a release.
func (t *Target) bury(ctx context.Context, digest string) error {
	packed, _, err := t.read(ctx, manifestName(digest), maxPacked)
	if err != nil {
		return err
	}
	_, err = t.config.Client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &t.config.Bucket, Key: t.key(tombstoneName(digest)), Body: bytes.NewReader(packed), ContentLength: new(int64(len(packed))),
		ContentType: new("application/json; charset=utf-8"), ContentEncoding: new("gzip"), CacheControl: new(never),
	})
	return t.explain("s3:PutObject", tombstoneName(digest), err)
}

// deleteRelease deletes the manifest first, without which a release is not prepared, and
// the tombstone last: it knows what is left to do.
func (t *Target) deleteRelease(ctx context.Context, digest string, needed map[string]bool, deleted *int) error {
	r, err := t.manifest(ctx, tombstoneName(digest), digest)
	if err != nil {
		return err
	}
	t.releases.forget(digest)
	names := []string{manifestName(digest)}
	for _, o := range r.objects {
		for _, name := range []string{o.name, o.source()} {
			if !needed[name] && (len(names) == 1 || names[len(names)-1] != name) {
				names = append(names, name)
			}
		}
	}
	for _, name := range append(names, tombstoneName(digest)) {
		if err := t.delete(ctx, name, deleted); err != nil {
			return err
		}
	}
	return nil
}

func (t *Target) delete(ctx context.Context, name string, deleted *int) error {
	_, err := t.config.Client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &t.config.Bucket, Key: t.key(name)})
	if err != nil && !missing(err) {
		return t.explain("s3:DeleteObject", name, err)
	}
	*deleted++
	return nil
}

// list returns the names below a folder, and when they were written.
func (t *Target) list(ctx context.Context, below string) (map[string]time.Time, error) {
	all := map[string]time.Time{}
	in := &s3.ListObjectsV2Input{Bucket: &t.config.Bucket, Prefix: t.key(below)}
	for {
		out, err := t.config.Client.ListObjectsV2(ctx, in)
		if err != nil {
			return nil, t.explain("s3:ListBucket", below, err)
		}
		for _, o := range out.Contents {
			name, ok := strings.CutPrefix(*o.Key, t.config.Prefix)
			if !ok || o.LastModified == nil {
				return nil, fmt.Errorf("the listing of %s names %s", t.url(below), *o.Key)
			}
			all[name] = *o.LastModified
		}
		if out.IsTruncated == nil || !*out.IsTruncated {
			return all, nil
		}
		in.ContinuationToken = out.NextContinuationToken
	}
}
