package host_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/host/transporttest"
)

// never is a transport that is not to be used.
type never struct{ t *testing.T }

func (n never) Run(context.Context, host.Call) error {
	n.t.Error("the host was called")
	return errors.New("called")
}

// scripted is a transport whose host says what the test says.
type scripted func(c host.Call) error

func (s scripted) Run(_ context.Context, c host.Call) error { return s(c) }

func TestExecPassesTheSuite(t *testing.T) {
	t.Parallel()
	transporttest.TestTransport(t, host.Exec{})
}

func FuzzQuoteMakesOneWordOfAnything(f *testing.F) {
	for _, s := range []string{"", "a b", "it's", `\`, "$(x)`x`", "a\nb\n", "-n", "'", "*", "~"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, 0) {
			t.Skip("no shell can be given it")
		}
		c := host.Call{Script: `printf '%s.' "$#" "$2"`, Args: []string{"x", s}}
		out, err := exec.Command("sh", "-c", c.Text()).Output()
		require.NoError(t, err)
		require.Equal(t, "2."+s+".", string(out))
	})
}

func TestAnswerThatIsCutIsNoAnswer(t *testing.T) {
	t.Parallel()
	for name, say := range map[string]func(nonce string) string{
		"nothing":        func(string) string { return "" },
		"its start":      func(n string) string { return "muster " + n + " ok" },
		"another's":      func(string) string { return "muster 00 ok end\n" },
		"talk after it":  func(n string) string { return "muster " + n + " ok end\nbye\n" },
		"a broken field": func(n string) string { return "muster " + n + " failed phase end\n" },
	} {
		h, err := host.New(host.Config{Name: "a", Root: "/srv/a", Transport: scripted(func(c host.Call) error {
			_, _ = c.Stderr.Write([]byte("some talk"))
			_, _ = c.Stdout.Write([]byte(say(c.Nonce)))
			return nil
		})})
		require.NoError(t, err)
		var f *host.Failure
		require.ErrorAs(t, h.Activate(t.Context(), target.Order{Number: 1, Release: target.Release{Digest: artifact(1).Digest}}), &f, name)
		require.Equal(t, host.Unsaid, f.Back, name)
		require.Equal(t, "some talk", f.Output)
		s, err := h.Observe(t.Context(), target.Order{})
		require.NoError(t, err)
		require.Equal(t, target.Unknown, s.Units[0].Condition, name)
		require.NotEmpty(t, s.Units[0].Problem, name)
	}
}

func TestAnswerIsTakenThoughTheTransportFailed(t *testing.T) {
	t.Parallel()
	h, err := host.New(host.Config{Name: "a", Root: "/srv/a", Transport: scripted(func(c host.Call) error {
		_, _ = c.Stdout.Write([]byte(strings.Repeat("noise\n", 10_000) + "muster " + c.Nonce + " ok end\n"))
		return errors.New("connection reset")
	})})
	require.NoError(t, err)
	require.NoError(t, h.Activate(t.Context(), target.Order{Number: 1, Release: target.Release{Digest: artifact(1).Digest}}))
}

func TestExecKillsTheWholeGroupWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	ended := make(chan error, 1)
	go func() {
		ended <- host.Exec{}.Run(ctx, host.Call{Script: "sleep 1000 & echo up; wait", Stdout: w})
		w.Close()
	}()
	_, err = io.ReadFull(r, make([]byte, 3))
	require.NoError(t, err)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	rest, err := io.ReadAll(r) // ends when nobody can write any more: the child is dead
	require.NoError(t, err)
	require.Empty(t, rest)
}

func TestExecGivesScriptsAGroupOfTheirOwnAndNoSecrets(t *testing.T) {
	t.Setenv("MUSTER_TEST_SECRET", "hunter2")
	var out lines
	require.NoError(t, host.Exec{}.Run(t.Context(), host.Call{Script: `env; cut -d' ' -f5 /proc/$$/stat`, Stdout: &out}))
	require.NotContains(t, out.String(), "hunter2")
	all := strings.Split(strings.TrimSpace(out.String()), "\n")
	ours, err := syscall.Getpgid(0)
	require.NoError(t, err)
	require.NotEqual(t, ours, all[len(all)-1])
	require.Error(t, host.Exec{}.Run(t.Context(), host.Call{Script: "exit 3"}))
	require.ErrorContains(t, host.Exec{}.Run(t.Context(), host.Call{Script: "true", Args: []string{"\x00"}}), "zero byte")
}

func TestANonceIsReplacedWhereItIsMeant(t *testing.T) {
	t.Parallel()
	c := host.Call{Nonce: "ab", Args: []string{"nonce=ab", "root=/ab", "--", "nonce=abc", "ab"}, Step: "observe"}
	d := c.WithNonce("cd")
	require.Equal(t, host.Call{Nonce: "cd", Args: []string{"nonce=cd", "root=/ab", "--", "nonce=abc", "ab"}, Step: "observe"}, d)
	require.Equal(t, "nonce=ab", c.Args[0], "the call itself stays as it was")
}
