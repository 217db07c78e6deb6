//go:build integration

package container_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/command"
	"github.com/muster-deploy/muster/build/container"
	"github.com/muster-deploy/muster/internal/partstest"
)

// podman returns a runner with two images, of two Rubies.
func podman(t *testing.T) *container.Runner {
	t.Helper()
	part := partstest.Dir(t, "containers")
	t.Setenv("CONTAINERS_CONF", filepath.Join(part, "containers.conf"))
	t.Setenv("CONTAINERS_STORAGE_CONF", filepath.Join(part, "storage.conf"))
	r, err := container.New(container.Config{Engine: "podman", Images: []container.Image{
		{Name: "localhost/muster/ruby-2.7:1", Tools: []build.Tool{{Name: "ruby", Version: "2.7"}}},
		{Name: "localhost/muster/ruby-3.3:1", Tools: []build.Tool{{Name: "ruby", Version: "3.3"}}},
	}})
	require.NoError(t, err)
	return r
}

// containers lists what podman has.
func containers(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("podman", "ps", "--all", "--format", "{{.Names}}").Output()
	require.NoError(t, err)
	return string(out)
}

func TestRealAppsWithTwoRubiesAreBuiltSideBySide(t *testing.T) {
	r := podman(t)
	var wait sync.WaitGroup
	for _, version := range []string{"2.7", "3.3"} {
		wait.Go(func() {
			dir, log := t.TempDir(), &bytes.Buffer{}
			ruby := []build.Tool{{Name: "ruby", Version: version}}
			b, err := command.New(command.Config{Tools: ruby, Output: "out", Run: []build.Command{
				{Name: "ruby", Args: []string{"-e", "puts RUBY_VERSION; Dir.mkdir('out'); File.write('out/app', RUBY_VERSION)"}},
				{Name: "bundle", Args: []string{"--version"}},
			}})
			if !assert.NoError(t, err) {
				return
			}
			_, err = b.Build(t.Context(), &build.Workspace{Dir: dir, Runner: r, Log: log})
			assert.NoError(t, err, log)
			assert.Contains(t, log.String(), "\n"+version+".")
			made, err := os.Stat(filepath.Join(dir, "out/app"))
			if assert.NoError(t, err) {
				assert.Equal(t, os.FileMode(0o644), made.Mode())
			}
		})
	}
	wait.Wait()
	assert.Empty(t, containers(t))
}

func TestRealContainersReachTheNetworkOnlyIfTheyAsk(t *testing.T) {
	r := podman(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	c := build.Command{Name: "ruby", Args: []string{"-rsocket", "-e", "TCPSocket.new('127.0.0.1', ARGV[0].to_i)", port}}
	require.Error(t, r.Run(t.Context(), t.TempDir(), c, &bytes.Buffer{}))
	c.Network = true
	require.NoError(t, r.Run(t.Context(), t.TempDir(), c, &bytes.Buffer{}))
}

func TestRealContainersSeeNothingOfTheMachine(t *testing.T) {
	r := podman(t)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, nil, 0o644))
	require.Error(t, r.Run(t.Context(), t.TempDir(), build.Command{Name: "cat", Args: []string{secret}}, &bytes.Buffer{}))
	require.Error(t, r.Run(t.Context(), t.TempDir(), build.Command{Name: "touch", Args: []string{"/usr/bin/x"}}, &bytes.Buffer{}))
}

func TestRealCancelLeavesNoContainer(t *testing.T) {
	r := podman(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	log := writer(func(p []byte) {
		if strings.Contains(string(p), "started") {
			cancel(stop)
		}
	})
	c := build.Command{Name: "sh", Args: []string{"-c", "trap '' TERM; (sleep 1000 &); echo started; sleep 1000"}}
	require.ErrorIs(t, r.Run(ctx, t.TempDir(), c, log), stop)
	assert.Empty(t, containers(t))
}
