package s3target

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/singleflight"

	"github.com/muster-deploy/muster/target"
)

// releaseKey is the metadata of a public object that names the artifact which has
// projected it. It may be an older one than what is live: unchanged files are left.
const releaseKey = "muster-artifact"

// project copies what changed onto the public keys, confirms the entries and says in
// the pointer that it is done.
func (t *Target) project(ctx context.Context, now pointer, next *release, o target.Order) error {
	changed, err := t.changes(ctx, now, next)
	if err != nil {
		return err
	}
	p := projection{Target: t, order: o, digest: next.Release.Digest, total: int64(len(changed))}
	fresh := true // The swap itself was the check for what comes right after it.
	for rank := range 3 {
		part := slices.DeleteFunc(slices.Clone(changed), func(c object) bool { return c.rank() != rank })
		if len(part) == 0 {
			continue
		}
		p.checked = fresh && len(part) == 1
		if err := through(ctx, t.gate, part, none, p.copy); err != nil {
			return t.unprepare(ctx, next, err)
		}
		fresh = false
	}
	if err := through(ctx, t.gate, changed, none, t.confirm); err != nil {
		return err
	}
	// Before the end is written: after a crash the CDN is told again, by the same name.
	t.invalidate(ctx, o, changed)
	_, err = t.swap(ctx, now, now.settled())
	if errors.Is(err, errMoved) {
		return t.beside(ctx, now)
	}
	return err
}

// beside judges a pointer that was changed while its release was projected: by the same
// order, delivered twice, which is right as soon as one of the two has settled; or by
// another one.
func (t *Target) beside(ctx context.Context, mine pointer) error {
	now, err := t.load(ctx)
	switch {
	case err != nil:
		return err
	case now.Number != mine.Number || now.Digest != mine.Digest:
		return fmt.Errorf("order %d, seen %d: %w", mine.Number, now.Number, target.ErrStale)
	case len(now.Mixed) > 0:
		return errMoved
	}
	return nil
}

// changes returns the objects whose public keys may hold something else.
func (t *Target) changes(ctx context.Context, now pointer, next *release) ([]object, error) {
	there := 0
	same := map[string]int{} // name and content, to how many releases have it
	for _, digest := range now.Mixed {
		if digest == next.Release.Digest {
			continue
		}
		there++
		if digest == anything {
			continue
		}
		r, err := t.prepared(ctx, digest)
		if errors.Is(err, target.ErrUnprepared) {
			continue // It was pruned: all counts as changed.
		}
		if err != nil {
			return nil, err
		}
		if r.Rules.equal(next.Rules) {
			for _, o := range r.objects {
				same[o.name+"\n"+o.identity()]++
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(next.objects), func(o object) bool {
		return o.hashed() || same[o.name+"\n"+o.identity()] == there
	}), nil
}

// projection is one under way.
type projection struct {
	*Target
	order   target.Order
	digest  string
	total   int64
	mu      sync.Mutex
	done    int64
	checked bool // the pointer was, a moment ago
	// Copies that wait for the pointer at the same time share one reading of it: each
	// begins right after that.
	checks singleflight.Group
}

// check returns an error unless the order is still the highest.
func (p *projection) check(ctx context.Context) error {
	now, err := p.load(ctx)
	if err != nil {
		return err
	}
	if now.Number != p.order.Number || now.Digest != p.digest {
		return fmt.Errorf("order %d, seen %d: %w", p.order.Number, now.Number, target.ErrStale)
	}
	return nil
}

// copy brings one object onto its public key, if the order is still the highest.
func (p *projection) copy(ctx context.Context, o object) error {
	ctx, cancel := context.WithTimeout(ctx, p.config.Margin)
	defer cancel()
	if !p.checked {
		if _, err, _ := p.checks.Do("", func() (any, error) { return nil, p.check(ctx) }); err != nil {
			return err
		}
	}
	_, err := p.config.Client.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &p.config.Bucket, Key: p.key(o.name), CopySource: new(escape(p.config.Bucket + "/" + *p.key(o.source()))),
		MetadataDirective: s3types.MetadataDirectiveReplace, Metadata: o.metadata(p.digest),
		ContentType: &o.ContentType, CacheControl: &o.CacheControl, ContentEncoding: maybe(o.ContentEncoding),
	})
	if err != nil {
		return p.explain("s3:PutObject", o.name, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	p.report(p.order, target.Progress{Phase: "switch", Done: p.done, Total: p.total, Of: "files"})
	return nil
}

// confirm reads back what is served under a public key.
func (t *Target) confirm(ctx context.Context, o object) error {
	out, err := t.config.Client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &t.config.Bucket, Key: t.key(o.name)})
	if missing(err) {
		return &drift{t.url(o.name), "it is not there"}
	}
	if err != nil {
		return t.explain("s3:GetObject", o.name, err)
	}
	got := Headers{value(out.ContentType), value(out.ContentEncoding), value(out.CacheControl)}
	switch {
	case out.Metadata[digestKey] != o.file.SHA256 || o.variant == "" && out.ContentLength != nil && *out.ContentLength != o.file.Size:
		return &drift{t.url(o.name), "it has another content than the live release"}
	case got != o.Headers:
		return &drift{t.url(o.name), fmt.Sprintf("it is served with %+v, want %+v", got, o.Headers)}
	}
	return nil
}

// drift says that a public key does not hold what it should.
type drift struct{ url, what string }

func (d *drift) Error() string { return d.url + ": " + d.what }

// serves says whether a release is live, as a whole, and its entries are served.
func (t *Target) serves(ctx context.Context, now pointer, r *release) (bool, error) {
	if now.Digest != r.Release.Digest || len(now.Mixed) > 0 {
		return false, nil
	}
	problem, err := t.inspect(ctx, r)
	return problem == "", err
}

// inspect reads back the entries of a live release, and says what is wrong with them.
func (t *Target) inspect(ctx context.Context, r *release) (problem string, err error) {
	entries := slices.DeleteFunc(slices.Clone(r.objects), func(o object) bool { return o.rank() == 0 })
	var mu sync.Mutex
	err = through(ctx, t.gate, entries, none, func(ctx context.Context, o object) error {
		err := t.confirm(ctx, o)
		if d := (*drift)(nil); errors.As(err, &d) {
			mu.Lock()
			defer mu.Unlock()
			problem = d.Error()
			return nil
		}
		return err
	})
	return problem, err
}

// unprepare withdraws a release of which an object is gone, so that the next Prepare
// uploads it again.
func (t *Target) unprepare(ctx context.Context, r *release, err error) error {
	if !missing(err) {
		return err
	}
	t.doubt.Store(true)
	return fmt.Errorf("%w; it was deleted behind our back: prepare the release again", err)
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
