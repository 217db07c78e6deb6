//go:build integration

package dynamolock_test

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/internal/contentiontest"
	"github.com/muster-deploy/muster/internal/faultproxy"
	"github.com/muster-deploy/muster/internal/partstest"
	"github.com/muster-deploy/muster/internal/partstest/servertest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/lock/dynamolock"
	"github.com/muster-deploy/muster/lock/locktest"
)

// start starts a server, and returns its endpoint.
func start(t testing.TB) string {
	cli := filepath.Join(partstest.Dir(t, "dynamodb"), "node_modules/dynalite/cli.js")
	return "http://" + servertest.Start(t, func(port string) []string {
		return []string{"node", cli, "--host", "127.0.0.1", "--port", port, "--createTableMs", "0"}
	})
}

func client(endpoint string) *dynamodb.Client {
	return dynamodb.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
}

// table creates a table named after the test.
func table(t testing.TB, endpoint string) string {
	name := filepath.Base(t.Name())
	require.NoError(t, dynamolock.CreateTable(t.Context(), client(endpoint), name))
	require.NoError(t, dynamolock.CreateTable(t.Context(), client(endpoint), name), "again")
	return name
}

func open(t testing.TB, endpoint, table string) lock.Store {
	s, err := dynamolock.New(dynamolock.Config{Client: client(endpoint), Table: table})
	require.NoError(t, err)
	return s
}

func TestRealTablesPassTheSuite(t *testing.T) {
	t.Parallel()
	endpoint := start(t)
	locktest.TestStore(t, func(t testing.TB) locktest.Place {
		name := table(t, endpoint)
		return locktest.PlaceFunc(func(context.Context) (lock.Store, error) { return open(t, endpoint, name), nil })
	}, locktest.Options{Lease: 3 * time.Second})
}

// badly leads to an endpoint by way of a bad network.
func badly(t testing.TB, endpoint string) string {
	proxy := httptest.NewServer(faultproxy.New(endpoint, faultproxy.Faults{
		Seed: 1, Refused: 0.03, Lost: 0.05, Repeated: 0.05, Truncated: 0.03, Delay: 10 * time.Millisecond,
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

func TestRealTablesPassTheSuiteOverABadNetwork(t *testing.T) {
	t.Parallel()
	endpoint := start(t)
	proxy := badly(t, endpoint)
	for _, c := range locktest.Checks() {
		if c.Name == "create race" || c.Name == "lost update" || c.Name == "linearizable" {
			continue // They count on every answer; see the sixteen contenders below.
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			name := table(t, endpoint)
			place := locktest.PlaceFunc(func(context.Context) (lock.Store, error) { return open(t, proxy, name), nil })
			assert.NoError(t, c.Do(t.Context(), place, locktest.Options{Lease: 5 * time.Second}), c.Promise)
		})
	}
}

func TestRealTableTellsSixteenContendersTheTruthOverABadNetwork(t *testing.T) {
	t.Parallel()
	endpoint := start(t)
	name := table(t, endpoint)
	proxy := badly(t, endpoint)
	var stores []lock.Store
	for range 4 {
		stores = append(stores, open(t, proxy, name))
	}
	unanswered := contentiontest.Run(t.Context(), t, stores, 2000)
	t.Logf("%d writes without an answer", unanswered)
}

func TestRealTableThatDoesNotFit(t *testing.T) {
	t.Parallel()
	endpoint := start(t)
	_, _, err := open(t, endpoint, "nobody-made-it").Load(t.Context(), "web")
	assert.ErrorContains(t, err, "there is no table nobody-made-it")
}
