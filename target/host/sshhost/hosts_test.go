package sshhost_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/host/sshhost"
)

func TestHostsHaveOneConnectionEach(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := config(s)
	c.Address = ""
	hosts := &sshhost.Hosts{Config: c}
	for range 3 {
		tr, ok := hosts.Host(s.Address).(*sshhost.Transport)
		require.True(t, ok)
		out, err := run(t, tr, "echo ran")
		require.NoError(t, err)
		require.Equal(t, "ran\n", out)
	}
	require.Equal(t, 1, s.Dialed())
	before := hosts.Host(s.Address)
	require.NoError(t, hosts.Close())
	_, err := run(t, before, "true")
	require.ErrorContains(t, err, "closed")
	_, err = run(t, hosts.Host("elsewhere"), "true")
	require.ErrorContains(t, err, "closed")
}

func TestHostThatBecomesKnownIsReached(t *testing.T) {
	t.Parallel()
	s := start(t)
	known, err := os.ReadFile(s.KnownHosts)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.KnownHosts, nil, 0o600))
	hosts := &sshhost.Hosts{Config: config(s)}
	t.Cleanup(func() { _ = hosts.Close() })
	_, err = run(t, hosts.Host(s.Address), "true")
	require.ErrorContains(t, err, "have no key of "+s.Address)
	require.NoError(t, os.WriteFile(s.KnownHosts, known, 0o600))
	_, err = run(t, hosts.Host(s.Address), "true")
	require.NoError(t, err)
}
