// Package s3servertest starts S3 servers for integration tests and makes clients for
// them. The server is versitygw, of the part s3; or MinIO, whose binary the
// environment variable MUSTER_MINIO names, for a second opinion.
package s3servertest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/muster-deploy/muster/internal/faultproxy"
	"github.com/muster-deploy/muster/internal/partstest"
	"github.com/muster-deploy/muster/internal/partstest/servertest"
)

// What the servers take for credentials.
const (
	access = "muster"
	secret = "muster-secret"
)

// Server is a server that runs until the test ends.
type Server struct {
	// Endpoint is its URL. A copy with another one reaches it by way of a proxy.
	Endpoint string
	// HTTP, if not nil, sends the requests of clients.
	HTTP aws.HTTPClient

	access, secret string
}

// Start starts a server that honours conditional writes.
func Start(t testing.TB) *Server {
	t.Helper()
	if minio := os.Getenv("MUSTER_MINIO"); minio != "" {
		return startMinIO(t, minio)
	}
	return startVersity(t, t.TempDir())
}

// StartSmall starts a server whose disk has that many bytes. It mounts one, which wants
// root.
func StartSmall(t testing.TB, bytes int) *Server {
	t.Helper()
	dir := t.TempDir()
	// The mount is the server's alone, and gone with it.
	return startVersity(t, dir, "unshare", "--mount", "sh", "-c", `mount -t tmpfs -o size="$1" none "$2" && shift 2 && exec "$@"`, "sh", strconv.Itoa(bytes), dir)
}

// startVersity starts versitygw on a directory, by way of other commands.
func startVersity(t testing.TB, dir string, by ...string) *Server {
	t.Helper()
	bin := filepath.Join(partstest.Dir(t, "s3"), "versitygw")
	address := servertest.Start(t, func(port string) []string {
		return append(by, bin, "--quiet", "--keep-alive", "--port", "127.0.0.1:"+port, "--access", access, "--secret", secret, "posix", dir)
	})
	return &Server{Endpoint: "http://" + address, access: access, secret: secret}
}

// startMinIO starts MinIO, and waits until it takes requests.
func startMinIO(t testing.TB, bin string) *Server {
	t.Helper()
	dir := t.TempDir()
	address := servertest.Start(t, func(port string) []string {
		return []string{"env", "MINIO_ROOT_USER=" + access, "MINIO_ROOT_PASSWORD=" + secret, "MINIO_BROWSER=off", "MINIO_UPDATE=off",
			bin, "server", "--quiet", "--address", "127.0.0.1:" + port, dir}
	})
	s := &Server{Endpoint: "http://" + address, access: access, secret: secret}
	for begin := time.Now(); time.Since(begin) < 30*time.Second; time.Sleep(50 * time.Millisecond) {
		// It answers, and says that it is ready, before it takes requests like this one.
		if _, err := s.Client().ListBuckets(t.Context(), &s3.ListBucketsInput{}); err == nil {
			return s
		}
	}
	t.Fatal("MinIO is not ready after 30 s")
	return nil
}

// StartS3rver starts a server that ignores conditions.
func StartS3rver(t testing.TB) *Server {
	t.Helper()
	script, dir := filepath.Join(partstest.Dir(t, "s3"), "node_modules/s3rver/bin/s3rver.js"), t.TempDir()
	address := servertest.Start(t, func(port string) []string {
		return []string{"node", script, "--silent", "--address", "127.0.0.1", "--port", port, "--directory", dir}
	})
	return &Server{Endpoint: "http://" + address, access: "S3RVER", secret: "S3RVER"}
}

// OverTLS returns the same server by way of a proxy that speaks TLS. The SDK signs and
// checks bodies in another way there: a checksum follows the body in a trailer.
func (s *Server) OverTLS(t testing.TB) *Server {
	t.Helper()
	front := httptest.NewTLSServer(faultproxy.New(s.Endpoint, faultproxy.Faults{}))
	t.Cleanup(front.Close)
	over := *s
	over.Endpoint, over.HTTP = front.URL, front.Client()
	return &over
}

// Over returns the same server by way of a bad network.
func (s *Server) Over(t testing.TB, f faultproxy.Faults) *Server {
	t.Helper()
	proxy := httptest.NewServer(faultproxy.New(s.Endpoint, f))
	t.Cleanup(proxy.Close)
	over := *s
	over.Endpoint = proxy.URL
	return &over
}

// Spoiled reports whether an error is the network's, and no word of the server: the
// request had no answer, or one that broke off.
func Spoiled(err error) bool {
	var unsent *smithyhttp.RequestSendError
	var cut *smithy.DeserializationError
	return errors.As(err, &unsent) || errors.As(err, &cut) || errors.Is(err, io.ErrUnexpectedEOF)
}

// Config is what a deployer would load from its environment: the library's defaults,
// checksums included, are those of the SDK.
func (s *Server) Config() aws.Config {
	c := aws.Config{
		Region: "us-east-1", BaseEndpoint: &s.Endpoint, Credentials: credentials.NewStaticCredentialsProvider(s.access, s.secret, ""), HTTPClient: s.HTTP,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}
	if c.HTTPClient == nil {
		c.HTTPClient = awshttp.NewBuildableClient()
	}
	return c
}

// Client returns a client of the server.
func (s *Server) Client(options ...func(*s3.Options)) *s3.Client {
	return s3.NewFromConfig(s.Config(), append([]func(*s3.Options){PathStyle}, options...)...)
}

// PathStyle is the option that every client of such a server needs: it has one name
// for all buckets.
func PathStyle(o *s3.Options) { o.UsePathStyle = true }

// Bucket creates an empty bucket.
func (s *Server) Bucket(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("muster-%s", strings.ToLower(rand.Text()))
	if _, err := s.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatalf("create a bucket: %v", err)
	}
	return name
}
