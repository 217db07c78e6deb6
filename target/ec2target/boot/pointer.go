package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// Pointer says which release instances boot into. It may be used by many goroutines at
// once.
type Pointer struct {
	c         Config
	published sync.Map // digests of artifacts
}

// New checks the config, all of it, and asks nothing.
func New(c Config) (*Pointer, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if _, err := record(c.Host, "observe"); err != nil {
		return nil, fmt.Errorf("boot: %w", err)
	}
	return &Pointer{c: c}, nil
}

// Declared is what a pointer says. The zero value is that of one that was never written.
type Declared struct {
	// Number is that of the order by which the release was declared.
	Number uint64
	Digest string
	// ID is the release's, for people.
	ID string
}

// Declare has instances boot into the release of o from now on. It returns
// target.ErrStale if a higher number was declared, or another release under this one.
// Twice is once. It is what fleet.Config.Declare asks for.
func (p *Pointer) Declare(ctx context.Context, o target.Order) error {
	err := build.CheckDigest(o.Release.Digest)
	if o.Number == 0 {
		err = errors.Join(errors.New("it has no number"), err)
	}
	if err != nil {
		return fmt.Errorf("declare %s: order %d names no release: %w", o.Release.ID, o.Number, err)
	}
	err = p.swap(ctx, declared, Declared{o.Number, o.Release.Digest, o.Release.ID}, func(now Declared) (bool, error) {
		if now.Number > o.Number || now.Number == o.Number && now.Digest != o.Release.Digest {
			return false, fmt.Errorf("order %d has declared %s: %w", now.Number, now.ID, target.ErrStale)
		}
		return now.Number == o.Number, nil
	})
	if err != nil {
		return fmt.Errorf("declare %s by order %d: %w", o.Release.ID, o.Number, err)
	}
	return nil
}

// Read returns what is declared.
func (p *Pointer) Read(ctx context.Context) (Declared, error) {
	d, _, err := p.read(ctx, declared)
	return d, err
}

// The names of the objects that everything depends on. Each is one line of words: a shell
// reads it.
const declared, candidate = "declared", "candidate"

func (p *Pointer) read(ctx context.Context, pointer string) (d Declared, etag string, err error) {
	out, err := p.c.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: &p.c.Bucket, Key: p.key(pointer)})
	if code(err) == "NoSuchKey" || code(err) == "NotFound" {
		return Declared{}, "", nil
	}
	if err != nil {
		return Declared{}, "", fmt.Errorf("read %s (s3:GetObject): %w", p.url(pointer), err)
	}
	defer out.Body.Close()
	text, err := io.ReadAll(io.LimitReader(out.Body, 4096))
	if err != nil {
		return Declared{}, "", fmt.Errorf("read %s: %w", p.url(pointer), err)
	}
	if d, err = parse(string(text)); err != nil || out.ETag == nil {
		return Declared{}, "", fmt.Errorf("read %s: it is no pointer (%w): move it away if you know better", p.url(pointer), err)
	}
	return d, *out.ETag, nil
}

// parse reads "muster-boot 1 NUMBER DIGEST ID".
func parse(text string) (d Declared, err error) {
	var kind string
	var version int
	line, _, _ := strings.Cut(text, "\n")
	if _, err := fmt.Sscanf(line, "%s %d %d %s %s", &kind, &version, &d.Number, &d.Digest, &d.ID); err != nil {
		return Declared{}, err
	}
	if kind != "muster-boot" || version != 1 {
		return Declared{}, errors.New("written by something else, or something newer")
	}
	return d, build.CheckDigest(d.Digest)
}

// write replaces what was read, or is refused.
func (p *Pointer) write(ctx context.Context, pointer, etag string, d Declared) error {
	id := plainly(d.ID)
	in := &s3.PutObjectInput{
		Bucket: &p.c.Bucket, Key: p.key(pointer), ContentType: new("text/plain"),
		Body: strings.NewReader(fmt.Sprintf("muster-boot 1 %d %s %s\n", d.Number, d.Digest, id)),
	}
	if in.IfMatch = &etag; etag == "" {
		in.IfMatch, in.IfNoneMatch = nil, new("*")
	}
	if _, err := p.c.Client.PutObject(ctx, in); err != nil {
		return fmt.Errorf("write %s (s3:PutObject): %w", p.url(pointer), err)
	}
	return nil
}

// plainly is an id for people as one word.
func plainly(id string) string {
	word := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, id)
	if word == "" {
		return "-"
	}
	return word
}

// lost says that somebody else was faster, or that our own write of before has landed.
func lost(err error) bool {
	return code(err) == "PreconditionFailed" || code(err) == "ConditionalRequestConflict"
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func (p *Pointer) key(name string) *string { return new(p.c.Prefix + name) }

func (p *Pointer) url(name string) string { return "s3://" + p.c.Bucket + "/" + p.c.Prefix + name }
