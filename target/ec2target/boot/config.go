package boot

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/muster-deploy/muster/target/host"
)

// Client is what a Pointer asks of S3. A *s3.Client is one.
type Client interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Config describes a pointer. All of it is required.
type Config struct {
	// Client sends the requests. Its retries are relied on.
	Client Client

	// Bucket keeps conditional writes: S3 does.
	Bucket string
	// Prefix stands before every key: one for each fleet, such as "boot/shop/".
	Prefix string

	// Host is what the fleet's hosts have in common: the Config.Host of the target.
	Host host.Config
}

// plain are names that need no escape in a URL, a shell, or a line of words.
var plain = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)

// check returns all complaints at once.
func (c *Config) check() error {
	var all []error
	complain := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Errorf("boot: "+format, args...))
		}
	}
	complain(c.Client == nil, "Client is nil: pass a *s3.Client")
	complain(!plain.MatchString(c.Bucket), "Bucket is %q: want the name of one", c.Bucket)
	complain(!plain.MatchString(c.Prefix) || c.Prefix[len(c.Prefix)-1] != '/',
		"Prefix is %q: want letters, digits, dots, dashes, underscores and slashes, and a slash at its end", c.Prefix)
	return errors.Join(all...)
}
