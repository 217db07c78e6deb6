package s3lock

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUploadsThatUseAllConnectionsDoNotDelayARequest(t *testing.T) {
	uploading, end := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/locks/upload" {
			close(uploading)
			<-end
		}
		w.Header().Set("ETag", `"0123"`)
	}))
	defer server.Close()
	one := func(t *http.Transport) { t.MaxConnsPerHost = 1 }
	limited := http.DefaultTransport.(*http.Transport).Clone()
	one(limited)
	for name, shared := range map[string]aws.HTTPClient{
		"the SDK's":     awshttp.NewBuildableClient().WithTransportOptions(one),
		"the library's": &http.Client{Transport: limited},
	} {
		uploading, end = make(chan struct{}), make(chan struct{})
		cfg := aws.Config{
			Region: "us-east-1", BaseEndpoint: &server.URL, HTTPClient: shared,
			Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		}
		put := func(c *s3.Client, key string) error {
			_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("locks"), Key: &key})
			return err
		}
		path := func(o *s3.Options) { o.UsePathStyle = true }
		uploaded := make(chan error)
		go func() { uploaded <- put(s3.NewFromConfig(cfg, path), "upload") }()
		<-uploading

		renewed := make(chan error, 1)
		go func() { renewed <- put(NewClient(cfg, path), "lease") }()
		select {
		case err := <-renewed:
			require.NoError(t, err, name)
		case <-time.After(time.Minute):
			assert.Fail(t, "a renewal waits for an upload", name)
		}
		close(end)
		require.NoError(t, <-uploaded)
	}
}
