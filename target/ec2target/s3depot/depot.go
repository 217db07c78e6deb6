// Package s3depot is the place in a bucket from which hosts fetch releases, by URLs that
// are good for minutes and for one object each: a host.Depot on S3.
//
//	depot, err := s3depot.New(s3depot.Config{
//		Client: client, Presigner: s3.NewPresignClient(client), Bucket: "acme-deploys", Prefix: "packs/",
//	})
//	packs := &host.Packs{Depot: depot}
//
// A pack is an object named by its sha256, which S3 compares with the bytes that it gets.
// One that is there is not sent again. Objects are never deleted: let a lifecycle rule of
// the bucket expire what is under the prefix after some days.
//
// A URL ends with the credentials that signed it, however long its own life: a session of
// an hour signs no URL for a rollout that takes two. A deployer with a role of its own, as
// on EC2 or ECS, has credentials for hours.
//
// The file policy.json beside this one, with names in the place of BUCKET and PREFIX, is
// all that the deployer needs; hosts need nothing.
package s3depot

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
	"github.com/aws/smithy-go"

	"github.com/muster-deploy/muster/target/host"
)

// Client is what a Depot asks of S3. A *s3.Client is one.
type Client interface {
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Presigner signs requests ahead of their use. A *s3.PresignClient is one.
type Presigner interface {
	PresignGetObject(context.Context, *s3.GetObjectInput, ...func(*s3.PresignOptions)) (*v4.PresignedHTTPRequest, error)
}

// Config describes a depot. Client, Presigner and Bucket are required.
type Config struct {
	// Client sends the requests. Its retries are relied on.
	Client    Client
	Presigner Presigner

	Bucket string
	// Prefix stands before every key, such as "packs/".
	Prefix string

	// Life is how long a URL may be used, which is given when a host's turn is awaited:
	// of ten thousand hosts the last one waits for half an hour. Zero means an hour.
	Life time.Duration

	// Fresh is how old an object may be that is taken for one that will stay; zero means 24
	// h. What is older is sent again, so that no lifecycle rule takes it away meanwhile.
	Fresh time.Duration
}

// Depot is a host.Depot. It may be used by many goroutines at once.
type Depot struct {
	c  Config
	mu sync.Mutex
	of map[string]signed // by sum
}

// signed is a URL that many hosts are given: what they are told is equal then.
type signed struct {
	url string
	at  time.Time
}

var _ host.Depot = (*Depot)(nil)

// New checks the config, all of it, and asks nothing.
func New(c Config) (*Depot, error) {
	var all []error
	complain := func(bad bool, what string) {
		if bad {
			all = append(all, errors.New("s3depot: "+what))
		}
	}
	complain(c.Client == nil, "Client is nil: pass a *s3.Client")
	complain(c.Presigner == nil, "Presigner is nil: pass a *s3.PresignClient")
	complain(c.Bucket == "", "Bucket is empty")
	complain(c.Prefix != "" && !strings.HasSuffix(c.Prefix, "/"), "Prefix does not end in a slash")
	complain(c.Life < 0 || c.Life > 12*time.Hour, "Life is not from 0 to 12 h")
	complain(c.Fresh < 0, "Fresh is below 0")
	if len(all) > 0 {
		return nil, errors.Join(all...)
	}
	if c.Life == 0 {
		c.Life = time.Hour
	}
	if c.Fresh == 0 {
		c.Fresh = 24 * time.Hour
	}
	return &Depot{c: c, of: map[string]signed{}}, nil
}

// Put implements host.Depot.
func (d *Depot) Put(ctx context.Context, sum string, pack *io.SectionReader) error {
	if err := host.CheckSum(sum); err != nil {
		return err
	}
	there, err := d.there(ctx, sum)
	if err != nil || there {
		return err
	}
	digest, err := hex.DecodeString(sum)
	if err != nil {
		return err
	}
	_, err = d.c.Client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &d.c.Bucket, Key: d.key(sum), Body: pack, ContentLength: new(pack.Size()),
		ChecksumSHA256: new(base64.StdEncoding.EncodeToString(digest)), ContentType: new("application/octet-stream"),
	})
	if err != nil {
		return fmt.Errorf("put s3://%s/%s (s3:PutObject): %w", d.c.Bucket, *d.key(sum), err)
	}
	return nil
}

// there says whether an object is there that will stay for a while.
func (d *Depot) there(ctx context.Context, sum string) (bool, error) {
	out, err := d.c.Client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &d.c.Bucket, Key: d.key(sum)})
	var api smithy.APIError
	switch {
	case err == nil:
		return out.LastModified != nil && time.Since(*out.LastModified) < d.c.Fresh, nil
	case errors.As(err, &api) && (api.ErrorCode() == "NotFound" || api.ErrorCode() == "NoSuchKey"):
		return false, nil
	}
	return false, fmt.Errorf("look for s3://%s/%s (s3:GetObject): %w", d.c.Bucket, *d.key(sum), err)
}

// URL implements host.Depot. For a third of its life one URL is given to all who ask.
func (d *Depot) URL(ctx context.Context, sum string) (string, error) {
	if err := host.CheckSum(sum); err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock() // signing asks nobody
	if s := d.of[sum]; s.url != "" && time.Since(s.at) < d.c.Life/3 {
		return s.url, nil
	}
	r, err := d.c.Presigner.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &d.c.Bucket, Key: d.key(sum)}, s3.WithPresignExpires(d.c.Life))
	if err != nil {
		return "", fmt.Errorf("presign s3://%s/%s: %w", d.c.Bucket, *d.key(sum), err)
	}
	for old, s := range d.of {
		if time.Since(s.at) > d.c.Life {
			delete(d.of, old)
		}
	}
	d.of[sum] = signed{r.URL, time.Now()}
	return r.URL, nil
}

func (d *Depot) key(sum string) *string { return new(d.c.Prefix + sum) }
