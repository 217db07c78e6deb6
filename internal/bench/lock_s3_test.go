//go:build integration

package bench

import (
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/muster-deploy/muster/internal/faultproxy"
	"github.com/muster-deploy/muster/internal/partstest"
	"github.com/muster-deploy/muster/internal/partstest/s3servertest"
	"github.com/muster-deploy/muster/internal/partstest/servertest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/lock/dynamolock"
	"github.com/muster-deploy/muster/lock/s3lock"
)

// behindProxy puts a proxy before a server, which adds latency and counts requests.
func behindProxy(b *testing.B, endpoint string, latency time.Duration) (*faultproxy.Proxy, string) {
	p := faultproxy.New(endpoint, faultproxy.Faults{})
	p.Latency = latency
	s := httptest.NewServer(p)
	b.Cleanup(s.Close)
	return p, s.URL
}

// latencies are those of a server on this machine, and of one in a region.
var latencies = []time.Duration{0, 20 * time.Millisecond}

// measureLease acquires and releases a free lease, and counts the requests.
func measureLease(b *testing.B, p *faultproxy.Proxy, s lock.Store) {
	n := 0
	before, _, _ := p.Traffic()
	for b.Loop() {
		l, err := lock.Acquire(b.Context(), s, "lease-"+strconv.Itoa(n%10), lock.Options{Duration: time.Hour})
		if err != nil {
			b.Fatal(err)
		}
		if err := l.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
		n++
	}
	after, _, _ := p.Traffic()
	b.ReportMetric(float64(after-before)/float64(n), "requests/op")
}

func BenchmarkLeaseInABucket(b *testing.B) {
	for _, latency := range latencies {
		b.Run(latency.String(), func(b *testing.B) {
			server := s3servertest.Start(b)
			bucket := server.Bucket(b)
			p, url := behindProxy(b, server.Endpoint, latency)
			server.Endpoint = url
			s, err := s3lock.Open(b.Context(), s3lock.Config{Client: s3lock.NewClient(server.Config(), s3servertest.PathStyle), Bucket: bucket})
			if err != nil {
				b.Fatal(err)
			}
			measureLease(b, p, s)
		})
	}
}

func BenchmarkLeaseInATable(b *testing.B) {
	for _, latency := range latencies {
		b.Run(latency.String(), func(b *testing.B) {
			cli := filepath.Join(partstest.Dir(b, "dynamodb"), "node_modules/dynalite/cli.js")
			address := servertest.Start(b, func(port string) []string {
				return []string{"node", cli, "--host", "127.0.0.1", "--port", port, "--createTableMs", "0"}
			})
			p, url := behindProxy(b, "http://"+address, latency)
			client := dynamodb.NewFromConfig(aws.Config{
				Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
			})
			if err := dynamolock.CreateTable(b.Context(), client, "muster"); err != nil {
				b.Fatal(err)
			}
			s, err := dynamolock.New(dynamolock.Config{Client: client, Table: "muster"})
			if err != nil {
				b.Fatal(err)
			}
			measureLease(b, p, s)
		})
	}
}
