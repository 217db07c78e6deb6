package s3lock

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Client is what a Store asks of S3. A *s3.Client is one; NewClient makes it.
type Client interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// NewClient returns a client with connections of its own: it shares credentials,
// region and settings of the transport with others that are made of cfg, but neither
// connections nor a limit of them. An HTTP client of a foreign type is used as it is.
func NewClient(cfg aws.Config, options ...func(*s3.Options)) *s3.Client {
	cfg.HTTPClient = apart(cfg.HTTPClient)
	return s3.NewFromConfig(cfg, options...)
}

// apart returns a copy of an HTTP client that shares no connections with it.
func apart(c aws.HTTPClient) aws.HTTPClient {
	switch c := c.(type) {
	case nil:
		return awshttp.NewBuildableClient()
	case *awshttp.BuildableClient:
		return c.WithTransportOptions(unlimited)
	case *http.Client:
		transport := c.Transport
		if transport == nil {
			transport = http.DefaultTransport
		}
		if t, ok := transport.(*http.Transport); ok {
			own, clone := *c, t.Clone()
			unlimited(clone)
			own.Transport = clone
			return &own
		}
	}
	return c
}

// unlimited lets a transport open as many connections as are needed.
func unlimited(t *http.Transport) { t.MaxConnsPerHost = 0 }
