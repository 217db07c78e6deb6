package s3target

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/muster-deploy/muster/target"
)

// schema is the form of current.json and of manifests. A later one is refused.
const schema = 1

// maxPointer is the largest current.json, in bytes.
const maxPointer = 64 << 10

// pointer is current.json: what is live, and the fence. It is changed by
// compare-and-swap alone.
type pointer struct {
	Schema int `json:"schema"`

	// Digest and ID are those of the release that is live; empty: none is.
	Digest string `json:"digest"`
	ID     string `json:"id"`
	// Previous is the digest of the release that was served before it.
	Previous string `json:"previous,omitempty"`
	// Mixed are the releases some of whose files may stand on public keys, besides those
	// of Digest: a projection is under way or has broken off. Empty: it is whole.
	Mixed []string `json:"mixed,omitempty"`

	// Epoch and Number are those of the highest order, Fence its release: empty after a
	// read that raised the fence.
	Epoch  uint64 `json:"epoch"`
	Number uint64 `json:"number"`
	Fence  string `json:"fence"`

	// Nonce tells two writers of equal pointers apart.
	Nonce string `json:"nonce"`

	etag string // empty: there is none
}

// load reads the pointer. Where there is none, no release was ever activated.
func (t *Target) load(ctx context.Context) (pointer, error) {
	data, etag, err := t.read(ctx, currentName, maxPointer)
	if missing(err) {
		return pointer{Schema: schema}, nil
	}
	if err != nil {
		return pointer{}, err
	}
	var p pointer
	switch err := json.Unmarshal(data, &p); {
	case err != nil:
		return pointer{}, fmt.Errorf("%s is damaged: %w", t.url(currentName), err)
	case p.Schema > schema:
		return pointer{}, fmt.Errorf("%s is of schema %d, and this deployer knows %d: a newer one has written it; use that", t.url(currentName), p.Schema, schema)
	case etag == "":
		return pointer{}, fmt.Errorf("%s came without an ETag", t.url(currentName))
	}
	p.etag = etag
	return p, nil
}

// errMoved says that the pointer is not what it was.
var errMoved = errors.New("current.json was changed by somebody else")

// swap writes next in the place of old, or returns errMoved. A write without an answer
// is read back.
func (t *Target) swap(ctx context.Context, old, next pointer) (pointer, error) {
	next.Schema, next.Nonce, next.etag = schema, rand.Text(), ""
	body, err := json.MarshalIndent(next, "", "  ")
	if err != nil {
		return pointer{}, err
	}
	in := &s3.PutObjectInput{
		Bucket: &t.config.Bucket, Key: t.key(currentName), Body: bytes.NewReader(body), ContentLength: new(int64(len(body))),
		ContentType: new("application/json; charset=utf-8"), CacheControl: new(never), IfMatch: &old.etag,
	}
	if old.etag == "" {
		in.IfMatch, in.IfNoneMatch = nil, new("*")
	}
	bounded, cancel := context.WithTimeout(ctx, t.config.Margin)
	out, err := t.config.Client.PutObject(bounded, in)
	cancel()
	if err == nil && out.ETag != nil {
		next.etag = *out.ETag
		return next, nil
	}
	if ctx.Err() != nil {
		return pointer{}, context.Cause(ctx)
	}
	now, readErr := t.load(ctx)
	switch {
	case readErr != nil:
		return pointer{}, errors.Join(t.explain("s3:PutObject", currentName, err), readErr)
	case now.Nonce == next.Nonce:
		return now, nil
	case now.etag != old.etag || refused(err) || conflicted(err):
		return pointer{}, errMoved
	}
	return pointer{}, t.explain("s3:PutObject", currentName, err)
}

// admits returns ErrStale unless an order may pass: a higher one, or the same again.
func (p pointer) admits(number uint64, digest string) error {
	if number > p.Number || number == p.Number && digest == p.Fence {
		return nil
	}
	return fmt.Errorf("order %d, seen %d: %w", number, p.Number, target.ErrStale)
}

// raised returns the pointer with the fence of an order.
func (p pointer) raised(o target.Order) pointer {
	p.Epoch, p.Number, p.Fence = o.Epoch, o.Number, o.Release.Digest
	return p
}

// anything stands in Mixed for what no release has put there: nothing, or drift.
const anything = "anything"

// moved returns the pointer with another release live, whose projection begins.
func (p pointer) moved(digest, id string) pointer {
	whole, base := len(p.Mixed) == 0, p.Digest
	if base == "" || whole && base == digest {
		base = anything
	}
	p.Mixed = slices.Clone(p.Mixed)
	if !slices.Contains(p.Mixed, base) {
		p.Mixed = append(p.Mixed, base)
	}
	if whole && p.Digest != digest {
		p.Previous = p.Digest
	}
	p.Digest, p.ID = digest, id
	return p
}

// settled returns the pointer after the projection.
func (p pointer) settled() pointer {
	p.Mixed = nil
	return p
}
