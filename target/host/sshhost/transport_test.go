package sshhost_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh/agent"

	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/host/sshhost"
	"github.com/muster-deploy/muster/target/host/sshhost/sshtest"
	"github.com/muster-deploy/muster/target/host/transporttest"
)

func start(t *testing.T) *sshtest.Server {
	t.Helper()
	s, err := sshtest.Start(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func config(s *sshtest.Server) sshhost.Config {
	return sshhost.Config{Address: s.Address, User: "deploy", KnownHosts: []string{s.KnownHosts}, Keys: []string{s.Key}}
}

func open(t *testing.T, c sshhost.Config) *sshhost.Transport {
	t.Helper()
	tr, err := sshhost.New(c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = tr.Close() })
	return tr
}

func run(t *testing.T, tr host.Transport, script string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := tr.Run(t.Context(), host.Call{Script: script, Stdout: &out})
	return out.String(), err
}

func TestConformance(t *testing.T) {
	t.Parallel()
	s := start(t)
	transporttest.TestTransport(t, open(t, config(s)))
	require.Equal(t, 1, s.Dialed(), "one connection for all")
}

func TestHostThatIsNotKnownIsRefused(t *testing.T) {
	t.Parallel()
	s, other := start(t), start(t)
	c := config(s)
	c.KnownHosts = []string{other.KnownHosts}
	_, err := sshhost.New(c)
	require.ErrorContains(t, err, "have no key of "+s.Address)

	// Another host answers at the address of the one that is known.
	line, err := os.ReadFile(other.KnownHosts)
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(s.Address)
	require.NoError(t, err)
	_, key, _ := strings.Cut(string(line), " ")
	require.NoError(t, os.WriteFile(other.KnownHosts, []byte("[127.0.0.1]:"+port+" "+key), 0o600))
	_, err = run(t, open(t, c), "echo ran")
	require.ErrorContains(t, err, "key mismatch")
	require.ErrorContains(t, err, s.Address)
}

func TestUserWithoutTheKeyIsRefused(t *testing.T) {
	t.Parallel()
	s, other := start(t), start(t)
	c := config(s)
	c.Keys = []string{other.Key}
	_, err := run(t, open(t, c), "echo ran")
	require.ErrorContains(t, err, "unable to authenticate")
}

func TestAgentProvesWhoWeAre(t *testing.T) {
	t.Parallel()
	s := start(t)
	ring := agent.NewKeyring()
	require.NoError(t, ring.Add(agent.AddedKey{PrivateKey: s.Private}))
	socket := filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, conn) }()
		}
	}()
	c := config(s)
	c.Keys, c.Agent = nil, socket
	out, err := run(t, open(t, c), "echo ran")
	require.NoError(t, err)
	require.Equal(t, "ran\n", out)
	c.Agent += ".gone"
	_, err = run(t, open(t, c), "echo ran")
	require.ErrorContains(t, err, "agent")
}

func TestConnectionIsMadeAnewAfterADrop(t *testing.T) {
	t.Parallel()
	s := start(t)
	tr := open(t, config(s))
	for n := 1; n <= 3; n++ {
		out, err := run(t, tr, "echo ran")
		require.NoError(t, err)
		require.Equal(t, "ran\n", out)
		require.Equal(t, n, s.Dialed())
		s.Drop()
	}
}

func TestDropIsToldAndTheScriptIsNotRunAgain(t *testing.T) {
	t.Parallel()
	s := start(t)
	count := filepath.Join(t.TempDir(), "count")
	ended := make(chan error, 1)
	tr := open(t, config(s))
	go func() {
		ended <- tr.Run(t.Context(), host.Call{Script: `echo x >>"$1"; sleep 60`, Args: []string{count}})
	}()
	waitFor(t, count)
	s.Drop()
	require.ErrorContains(t, <-ended, "connection was lost")
	text, err := os.ReadFile(count)
	require.NoError(t, err)
	require.Equal(t, "x\n", string(text))
}

// waitFor returns once a file has content.
func waitFor(t *testing.T, file string) string {
	t.Helper()
	var text []byte
	require.Eventually(t, func() bool {
		text, _ = os.ReadFile(file)
		return len(text) > 0
	}, time.Minute, 10*time.Millisecond)
	return strings.TrimSpace(string(text))
}

func TestServerThatFallsSilentIsGivenUp(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := config(s)
	c.Keepalive = time.Second
	tr := open(t, c)
	_, err := run(t, tr, "sleep 2")
	require.NoError(t, err, "a connection that answers is kept")
	s.Deafen(true)
	_, err = run(t, tr, "sleep 60")
	require.ErrorContains(t, err, "connection was lost")
	s.Deafen(false)
	_, err = run(t, tr, "true")
	require.NoError(t, err)
}

func TestContextThatEndsKillsTheScriptAndItsChildren(t *testing.T) {
	t.Parallel()
	c := config(start(t))
	c.KillLimit = time.Minute
	tr := open(t, c)
	file := filepath.Join(t.TempDir(), "pids")
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- tr.Run(ctx, host.Call{Script: `sleep 60 & echo "$$ $!" >"$1"; wait`, Args: []string{file}})
	}()
	pids := strings.Fields(waitFor(t, file))
	because := errors.New("enough")
	cancel(because)
	require.ErrorIs(t, <-ended, because)
	for _, pid := range pids {
		require.Eventually(t, func() bool {
			stat, err := os.ReadFile("/proc/" + pid + "/stat")
			return err != nil || strings.Contains(string(stat), ") Z ")
		}, time.Minute, 10*time.Millisecond, "process %s goes on", pid)
	}
	_, err := run(t, tr, "true")
	require.NoError(t, err, "the connection can be used on")
}

func TestScriptThatLeavesSomethingRunningEnds(t *testing.T) {
	t.Parallel()
	out, err := run(t, open(t, config(start(t))), `setsid sleep 30 & echo "$!"`)
	require.NoError(t, err)
	require.NotEmpty(t, out)
}

func TestEndlessOutputIsCutOff(t *testing.T) {
	t.Parallel()
	tr := open(t, config(start(t)))
	err := tr.Run(t.Context(), host.Call{Script: "cat /dev/zero"})
	require.ErrorContains(t, err, "more than")
}

func TestUnreachableHostIsNamed(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := config(s)
	s.Close()
	_, err := run(t, open(t, c), "true")
	require.ErrorContains(t, err, s.Address)
	require.ErrorContains(t, err, "connection refused")

	// One that takes the connection and says nothing.
	l, err := net.Listen("tcp", s.Address)
	require.NoError(t, err)
	defer l.Close()
	c.DialLimit = 50 * time.Millisecond
	_, err = run(t, open(t, c), "true")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestConfigComplainsOfAllAtOnce(t *testing.T) {
	t.Parallel()
	_, err := sshhost.New(sshhost.Config{DialLimit: -1, Sessions: -1})
	for _, complaint := range []string{"Address", "User", "KnownHosts", "Keys", "limit", "Sessions"} {
		require.ErrorContains(t, err, complaint)
	}
	s := start(t)
	c := config(s)
	c.Keys = []string{filepath.Join(t.TempDir(), "none"), s.KnownHosts}
	_, err = sshhost.New(c)
	require.ErrorContains(t, err, "private key")
}

func TestClosedTransportRunsNothing(t *testing.T) {
	t.Parallel()
	tr := open(t, config(start(t)))
	_, err := run(t, tr, "true")
	require.NoError(t, err)
	require.NoError(t, tr.Close())
	_, err = run(t, tr, "true")
	require.ErrorContains(t, err, "closed")
}

// OpenSSH's server counts a session that has ended until it has seen that.
func TestFullServerIsAskedAgainAndNotForEver(t *testing.T) {
	t.Parallel()
	s := start(t)
	remote := open(t, config(s))
	s.Fill(3)
	out, err := run(t, remote, "echo ran")
	require.NoError(t, err)
	require.Equal(t, "ran\n", out)
	s.Fill(1000)
	_, err = run(t, remote, "echo ran")
	require.ErrorContains(t, err, "open a session on "+s.Address)
	require.ErrorContains(t, err, "open failed")
}
