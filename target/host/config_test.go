package host_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/host"
)

func TestConfigComplainsOfAllAtOnce(t *testing.T) {
	t.Parallel()
	_, err := host.New(host.Config{
		Root: "srv/shop", URL: "ftp://x", Probes: -1, Patience: -time.Second,
		Restart: []string{""}, Shared: []string{"../etc", "/log", "a/./b", "log/", "fine"},
		Writable: []string{"../x", "tmp/"},
	})
	for _, complaint := range []string{
		"Name is empty", "Transport is nil", `Root is "srv/shop"`, `URL is "ftp://x"`, "Probes is -1",
		"Patience is -1s", "Restart names no command", `"../etc"`, `"/log"`, `"a/./b"`, `Writable has "../x"`,
	} {
		require.ErrorContains(t, err, complaint)
	}
	require.NotContains(t, err.Error(), `"log/"`)
	require.NotContains(t, err.Error(), `"fine"`)

	_, err = host.New(host.Config{Name: "a", Root: "/srv/a", Transport: host.Exec{}, URL: "http://me:hunter2@x/"})
	require.ErrorContains(t, err, "password")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestOrdersThatNoShellMayGetAreRefused(t *testing.T) {
	t.Parallel()
	h, err := host.New(host.Config{Name: "a", Root: "/srv/a", Transport: never{t}})
	require.NoError(t, err)
	good := artifact(1)
	for name, o := range map[string]target.Order{
		"no number":           {Release: target.Release{Digest: good.Digest}},
		"a number too high":   {Number: 1 << 63, Release: target.Release{Digest: good.Digest}},
		"a digest that is no": {Number: 1, Release: target.Release{Digest: "sha256:$(reboot)"}},
		"a keep that is no":   {Number: 1, Release: target.Release{Digest: good.Digest}, Keep: []string{"*"}},
	} {
		require.Error(t, h.Activate(t.Context(), o), name)
		require.Error(t, h.Prepare(t.Context(), o, good), name)
	}
	_, err = h.Observe(t.Context(), target.Order{Number: 1 << 63})
	require.Error(t, err)
}
