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
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/build/container"
	"github.com/muster-deploy/muster/internal/partstest"
)

// podman returns a runner with two images, of two Rubies.
func podman(t *testing.T) *container.Runner {
	t.Helper()
	part := partstest.Dir(t, "containers")
	t.Setenv("CONTAINERS_CONF", filepath.Join(part, "containers.conf"))
	t.Setenv("CONTAINERS_STORAGE_CONF", filepath.Join(part, "storage.conf"))
	r, err := container.New(container.Config{Engine: "podman", Grace: 2 * time.Second, Images: []container.Image{
		{Name: "localhost/muster/ruby-2.7:1", Tools: []build.Tool{{Name: "ruby", Version: ruby(t, "2.7")}}},
		{Name: "localhost/muster/ruby-3.3:1", Tools: []build.Tool{{Name: "ruby", Version: ruby(t, "3.3")}}},
	}})
	require.NoError(t, err)
	return r
}

// ruby is the whole version of one of the two Rubies, as its app says it.
func ruby(t *testing.T, short string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(partstest.Dir(t, "containers"), "app-"+short, ".ruby-version"))
	require.NoError(t, err)
	return strings.TrimSpace(string(text))
}

// containers lists what podman has.
func containers(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("podman", "ps", "--all", "--format", "{{.Names}}").Output()
	require.NoError(t, err)
	return string(out)
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

func TestRealContainersPassTheSuite(t *testing.T) {
	r := podman(t)
	buildtest.TestRunner(t, buildtest.RunnerPlace{
		New: func() (build.Runner, error) { return r, nil }, Tool: build.Tool{Name: "ruby", Version: "3.3"}, Start: 3 * time.Second,
	})
	assert.Empty(t, containers(t))
}

// TestHelperDeployer is a deployer in a process of its own, for the test below.
func TestHelperDeployer(t *testing.T) {
	dir := os.Getenv("CONTAINER_TEST_DEPLOYER")
	if dir == "" {
		return // It is the test below that runs this.
	}
	r := podman(t)
	_ = r.Run(t.Context(), dir, build.Command{Name: "sh", Args: []string{"-c", "echo 1 >started; sleep 1000"}}, os.Stderr)
}

func TestRealTheNextDeployerRemovesWhatAKilledOneLeft(t *testing.T) {
	podman(t)
	dir := t.TempDir()
	deployer := exec.Command(os.Args[0], "-test.run=^TestHelperDeployer$")
	deployer.Env = append(os.Environ(), "CONTAINER_TEST_DEPLOYER="+dir)
	require.NoError(t, deployer.Start())
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(dir, "started"))
		return err == nil
	}, time.Minute, 20*time.Millisecond)
	left := strings.TrimSpace(containers(t))
	require.NotEmpty(t, left)
	podman(t)
	require.Equal(t, left, strings.TrimSpace(containers(t)), "a deployer that lives keeps its container")

	require.NoError(t, deployer.Process.Kill())
	_ = deployer.Wait()
	require.Equal(t, left, strings.TrimSpace(containers(t)), "nobody has removed it yet")
	podman(t)
	assert.Empty(t, containers(t))
	require.Eventually(t, func() bool { return len(processesOf(left)) == 0 }, time.Minute, 20*time.Millisecond, "the engine's client ends with it")
}

// processesOf lists the processes whose command line names a container.
func processesOf(name string) (found []string) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, at := range lines {
		if text, _ := os.ReadFile(at); strings.Contains(string(text), name) {
			found = append(found, at)
		}
	}
	return found
}
