package s3packs

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/muster-deploy/muster/target/host"
)

// Client is what a Depot asks of S3. A *s3.Client is one; its retries are relied on.
type Client interface {
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Presigner signs URLs without asking anybody. A *s3.PresignClient is one.
type Presigner interface {
	PresignGetObject(context.Context, *s3.GetObjectInput, ...func(*s3.PresignOptions)) (*v4.PresignedHTTPRequest, error)
}

// Config says where packs are kept. Client, Presigner and Bucket are required.
type Config struct {
	Client    Client
	Presigner Presigner

	// Bucket is the name of a bucket that is there.
	Bucket string

	// Prefix stands before every key, such as "packs/".
	Prefix string

	// Life is how long a URL may be used; zero means 15 min. One URL is given to several
	// hosts while it has two thirds of its life left.
	Life time.Duration
}

// validate returns everything that is wrong, joined.
func (c Config) validate() error {
	var errs []error
	if c.Client == nil || c.Presigner == nil {
		errs = append(errs, errors.New("Client or Presigner is nil: make them with s3.NewFromConfig and s3.NewPresignClient"))
	}
	if c.Bucket == "" {
		errs = append(errs, errors.New("Bucket is empty"))
	}
	if c.Prefix != "" && !strings.HasSuffix(c.Prefix, "/") {
		errs = append(errs, fmt.Errorf("Prefix is %q: want it to end in a slash", c.Prefix))
	}
	if c.Life < 0 || c.Life > 7*24*time.Hour {
		errs = append(errs, fmt.Errorf("Life is %v: want a duration up to seven days", c.Life))
	}
	return errors.Join(errs...)
}

// Depot is a host.Depot. It may be used by many goroutines at once, and several may
// share a bucket and a prefix.
type Depot struct {
	c      Config
	mu     sync.Mutex
	signed map[string]signed // by sum
}

// signed is a URL that may be given away until then.
type signed struct {
	url   string
	until time.Time
}

var _ host.Depot = (*Depot)(nil)

// New checks the config. It does no input or output.
func New(c Config) (*Depot, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("s3 packs: %w", err)
	}
	if c.Life == 0 {
		c.Life = 15 * time.Minute
	}
	return &Depot{c: c, signed: map[string]signed{}}, nil
}

// fresh is how old a pack may be without being uploaded again.
const fresh = 24 * time.Hour

// Put implements host.Depot. S3 itself compares the bytes with the sum.
func (d *Depot) Put(ctx context.Context, sum string, pack *io.SectionReader) error {
	if err := host.CheckSum(sum); err != nil {
		return fmt.Errorf("put pack: %w", err)
	}
	there, err := d.c.Client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &d.c.Bucket, Key: d.key(sum)})
	if err == nil && there.LastModified != nil && time.Since(*there.LastModified) < fresh {
		return nil
	}
	if err != nil && !missing(err) {
		return fmt.Errorf("look for pack %s: %w", sum, err)
	}
	raw, _ := hex.DecodeString(sum) // it has been checked
	_, err = d.c.Client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &d.c.Bucket, Key: d.key(sum), Body: pack, ContentLength: new(pack.Size()),
		ChecksumSHA256: new(base64.StdEncoding.EncodeToString(raw)), ContentType: new("application/octet-stream"),
	})
	if err != nil {
		return fmt.Errorf("put pack %s: %w", sum, err)
	}
	return nil
}

func (d *Depot) key(sum string) *string { return new(d.c.Prefix + sum) }

// missing reports whether err says that an object is not there.
func missing(err error) bool {
	var key *types.NoSuchKey
	var object *types.NotFound
	return errors.As(err, &key) || errors.As(err, &object)
}

// URL implements host.Depot.
func (d *Depot) URL(ctx context.Context, sum string) (string, error) {
	if err := host.CheckSum(sum); err != nil {
		return "", fmt.Errorf("presign pack: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if s, ok := d.signed[sum]; ok && now.Before(s.until) {
		return s.url, nil
	}
	r, err := d.c.Presigner.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &d.c.Bucket, Key: d.key(sum)}, s3.WithPresignExpires(d.c.Life))
	if err != nil {
		return "", fmt.Errorf("presign pack %s: %w", sum, err)
	}
	d.forget(now)
	d.signed[sum] = signed{r.URL, now.Add(d.c.Life / 3)}
	return r.URL, nil
}

// forget drops URLs that are not given away any more.
func (d *Depot) forget(now time.Time) {
	for sum, s := range d.signed {
		if !now.Before(s.until) {
			delete(d.signed, sum)
		}
	}
}
