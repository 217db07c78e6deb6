//go:build integration

package s3depot_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/internal/partstest/s3servertest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/ec2target/s3depot"
	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/host/depottest"
)

// TestRealHostFetchesByPresignedURL has curl fetch what a server of S3 has, by URLs
// that the SDK has signed.
func TestRealHostFetchesByPresignedURL(t *testing.T) {
	server := s3servertest.Start(t)
	client := server.Client()
	d, err := s3depot.New(s3depot.Config{
		Client: client, Presigner: s3.NewPresignClient(client), Bucket: server.Bucket(t), Prefix: "packs/",
	})
	require.NoError(t, err)
	depottest.TestDepot(t, d)

	h, err := host.New(host.Config{Name: "a", Root: t.TempDir() + "/app", Transport: host.Exec{}, Packs: &host.Packs{Depot: d}})
	require.NoError(t, err)
	a := buildtest.Artifact(map[string]string{"index.html": "hello", "app*": "#!/bin/sh\n"})
	o := target.Order{Number: 1, Release: target.Release{ID: "1", Digest: a.Digest}}
	require.NoError(t, h.Prepare(t.Context(), o, a))
	require.NoError(t, h.Activate(t.Context(), o))
}
