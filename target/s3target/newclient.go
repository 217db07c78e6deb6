package s3target

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// NewClient returns a client that suits a Target: it keeps as many connections open as
// there are requests at once, where the SDK's own closes all but ten after each. It
// changes nothing of a configuration that brings an HTTP client of another kind.
func NewClient(c aws.Config, options ...func(*s3.Options)) *s3.Client {
	var base *awshttp.BuildableClient
	switch client := c.HTTPClient.(type) {
	case nil:
		base = awshttp.NewBuildableClient()
	case *awshttp.BuildableClient:
		base = client
	default:
		return s3.NewFromConfig(c, options...)
	}
	c.HTTPClient = base.WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 256, 256
	})
	return s3.NewFromConfig(c, options...)
}
