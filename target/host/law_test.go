package host_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/host"
)

func TestLaw07_RollbackOnAHostSendsNoBytes(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	j.ship(artifact(1))
	j.ship(artifact(2))
	j.reopen()
	calls := 0
	j.transport.before = func(c host.Call) host.Call {
		calls++
		require.Nil(t, c.Stdin, "a rollback sends a release")
		return c
	}
	back := j.order(artifact(1))
	back.Intent = target.Backward
	require.NoError(t, j.h.Activate(t.Context(), back))
	require.Equal(t, 1, calls)
	j.serves(artifact(1))
}

// pause returns an environment in which the first run of a command tells that it is
// there and waits to be let go.
func pause(t *testing.T, command string) (env []string, reached, resume func()) {
	t.Helper()
	env = shim(t, command, `if [ -p "${0%/*}/here" ]; then echo >"${0%/*}/here"; read -r x <"${0%/*}/go"; fi; real "$@"`)
	dir, _, _ := strings.Cut(strings.TrimPrefix(env[0], "PATH="), ":")
	here, go_ := filepath.Join(dir, "here"), filepath.Join(dir, "go")
	for _, fifo := range []string{here, go_} {
		require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	}
	return env, func() {
			_, err := os.ReadFile(here)
			require.NoError(t, err)
			require.NoError(t, os.Remove(here), "only the first run waits")
		}, func() {
			f, err := os.OpenFile(go_, os.O_RDWR, 0)
			require.NoError(t, err)
			_, err = f.WriteString("\n") // kept for who reads, also if nobody does any more
			require.NoError(t, err)
			t.Cleanup(func() { f.Close() })
		}
}

// unlessEnded lets go of a test that waits for a run to reach a command, when the run
// ends without it.
func unlessEnded(env []string) {
	dir, _, _ := strings.Cut(strings.TrimPrefix(env[0], "PATH="), ":")
	if f, err := os.OpenFile(filepath.Join(dir, "here"), os.O_RDWR, 0); err == nil {
		f.Close()
	}
}

// overtake has an order run into a command where it is paused, lets a newer one pass
// and returns what became of the first. What was live in between stays live.
func overtake(t *testing.T, command string, prepareSick bool) {
	j := newJourney(t, nil)
	j.ship(artifact(1))
	require.NoError(t, j.prepare(artifact(2)))
	require.NoError(t, j.prepare(artifact(3)))
	env, reached, resume := pause(t, command)
	if prepareSick {
		j.sicken(t, artifact(2))
	}
	switch command {
	case "sleep": // which only a run that has patience left comes to
		j.change = func(c *host.Config) { c.Patience = 5 * time.Minute }
	case "tail":
		j.change = checkByTail
	}
	paused := j.beside(env)
	old := j.order(artifact(2))
	ended := make(chan error, 1)
	go func() {
		ended <- paused.Activate(t.Context(), old)
		unlessEnded(env)
	}()
	reached()
	require.NoError(t, j.activate(artifact(3)))
	restarts := j.restarts(t)
	resume()
	resumed := time.Now()
	require.ErrorIs(t, <-ended, target.ErrStale)
	require.Less(t, time.Since(resumed), 4*time.Minute, "it asks on, for as long as it has patience")
	j.serves(artifact(3))
	require.Equal(t, restarts, j.restarts(t), "an overtaken run restarts")
	require.ErrorIs(t, j.h.Activate(t.Context(), old), target.ErrStale)
}

func TestLaw09_OvertakenRunStopsBeforeItsSwitch(t *testing.T) {
	t.Parallel()
	overtake(t, "awk", false) // while it reads the release once more
}

func TestLaw09_OvertakenPreparationIsNotKept(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	j.ship(artifact(1))
	env, reached, resume := pause(t, "awk") // it is being checked, nothing in its place yet
	ended := make(chan error, 1)
	before, old := j.beside(env), j.order(artifact(2))
	go func() {
		ended <- before.Prepare(t.Context(), old, artifact(2))
		unlessEnded(env)
	}()
	reached()
	fence := j.order(artifact(2))
	fence.Release = target.Release{}
	_, err := j.h.Observe(t.Context(), fence)
	require.NoError(t, err)
	resume()
	require.ErrorIs(t, <-ended, target.ErrStale)
	require.ErrorIs(t, j.activate(artifact(2)), target.ErrUnprepared)
	j.serves(artifact(1))
}

func TestLaw09_OvertakenRunDoesNotPutBack(t *testing.T) {
	t.Parallel()
	overtake(t, "sleep", true) // between two checks that fail
}

func TestLaw09_OvertakenRunDoesNotPutBackAfterItsLastCheck(t *testing.T) {
	t.Parallel()
	overtake(t, "tail", true) // in the check, which takes longer than there is patience
}

func TestOneOrderDeliveredTwiceAtOnceRestartsOnce(t *testing.T) {
	t.Parallel()
	j := newJourney(t, checkByTail)
	require.NoError(t, j.prepare(artifact(1)))
	o := j.order(artifact(1))
	run := func(command string) (ended chan error, resume func()) {
		env, reached, resume := pause(t, command)
		p := *j.place
		p.transport = &transport{Exec: host.Exec{Env: env}}
		h, err := host.New(p.config())
		require.NoError(t, err)
		ended = make(chan error, 1)
		go func() {
			ended <- h.Activate(t.Context(), o)
			unlessEnded(env)
		}()
		reached()
		return ended, resume
	}
	first, goOn := run("tail")       // it confirms
	second, follow := run("timeout") // it waits for its turn
	follow()
	goOn()
	require.NoError(t, <-first)
	require.NoError(t, <-second)
	require.Len(t, j.restarts(t), 1)
	j.serves(artifact(1))
}

func TestBadReleaseDeliveredTwiceAtOnceIsTriedOnce(t *testing.T) {
	t.Parallel()
	j := newJourney(t, checkByTail)
	j.ship(artifact(1))
	require.NoError(t, j.prepare(artifact(2)))
	j.sicken(t, artifact(2))
	first, firstReached, goOn := pause(t, "tail") // it confirms
	second, secondReached, follow := pause(t, "timeout")
	var twin host.Call
	j.transport.Env = first
	j.transport.before = func(c host.Call) host.Call { twin = c; return c }
	ended, again := make(chan error, 1), make(chan string, 1)
	go func() { ended <- j.activate(artifact(2)) }()
	firstReached()
	go func() {
		var said lines
		twin.Stdout, twin.Stderr = &said, io.Discard
		_ = host.Exec{Env: second}.Run(context.Background(), twin)
		unlessEnded(second)
		again <- said.String()
	}()
	secondReached() // it waits for its turn
	follow()
	goOn()
	require.Equal(t, host.Done, j.failure(<-ended).Back)
	require.Contains(t, <-again, "failed phase=confirm back=done end")
	require.Len(t, j.restarts(t), 3, "the old one, the bad one, the old one")
	j.serves(artifact(1))
}

func TestLaw09_FenceIsRaisedAlsoWhenThereIsNothingToDo(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	require.NoError(t, j.prepare(artifact(2)))
	j.ship(artifact(1))
	late := j.order(artifact(2))
	require.NoError(t, j.activate(artifact(1)))
	require.Len(t, j.restarts(t), 1, "what serves is not touched")
	require.ErrorIs(t, j.h.Activate(t.Context(), late), target.ErrStale)
	require.ErrorIs(t, j.h.Prepare(t.Context(), late, artifact(2)), target.ErrStale)
	_, err := j.h.Observe(t.Context(), late)
	require.ErrorIs(t, err, target.ErrStale)
	j.serves(artifact(1))
}

func TestLaw15_BytesChangedOnTheWayAreNoRelease(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	for within, phase := range map[string]string{"muster manifest": "fetch", "\x1f\x8b": "unpack"} {
		j.transport.before = func(c host.Call) host.Call {
			if c.Stdin != nil {
				all, err := io.ReadAll(c.Stdin)
				require.NoError(t, err)
				all[bytes.Index(all, []byte(within))+100] ^= 1
				c.Stdin = bytes.NewReader(all)
			}
			return c
		}
		require.Equal(t, phase, j.failure(j.prepare(artifact(1))).Phase)
		require.ErrorIs(t, j.activate(artifact(1)), target.ErrUnprepared)
	}
	j.transport.before = nil
	j.ship(artifact(1))
}

// member is one entry of a forged pack.
type member struct {
	name, text, link string
	mode             int64
}

// forge swaps the pack for another one.
func forge(t *testing.T, a *build.Artifact, members []member) func(host.Call) host.Call {
	manifest, err := build.EncodeManifest(a.Manifest)
	require.NoError(t, err)
	sent := bytes.NewBuffer(manifest)
	zip := gzip.NewWriter(sent)
	out := tar.NewWriter(zip)
	for _, m := range members {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: m.name, Mode: m.mode, Size: int64(len(m.text))}
		if m.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, m.link
		}
		require.NoError(t, out.WriteHeader(h))
		_, err := io.WriteString(out, m.text)
		require.NoError(t, err)
	}
	require.NoError(t, out.Close())
	require.NoError(t, zip.Close())
	return func(c host.Call) host.Call {
		if c.Stdin != nil {
			require.Contains(t, c.Args, "packed=gzip")
			c.Stdin = sent
		}
		return c
	}
}

func TestLaw15_HostHoldsEveryFileAgainstTheManifest(t *testing.T) {
	t.Parallel()
	good := []member{{name: "app", text: "#!/bin/sh\necho 1\n", mode: 0o755}, {name: "lib/it's; $x", text: "quoted\n", mode: 0o644},
		{name: "lib/latest", link: "it's; $x", mode: 0o777}, {name: `back\slash`, text: "1", mode: 0o644},
		{name: "lib/same", text: strings.Repeat("in all of them\n", 20), mode: 0o644}}
	cases := map[string]func([]member) []member{
		"":                    func(m []member) []member { return m },
		"a byte is different": func(m []member) []member { m[0].text = "#!/bin/sh\necho 2\n"; return m },
		"a file is missing":   func(m []member) []member { return m[:3] },
		"a file is too much":  func(m []member) []member { return append(m, member{name: "extra", mode: 0o644}) },
		"a mode is different": func(m []member) []member { m[1].mode = 0o755; return m },
		"a file is set-uid":   func(m []member) []member { m[0].mode = 0o4755; return m },
		"a link leads out":    func(m []member) []member { m[2].link = "/etc/passwd"; return m },
		"a file is a link":    func(m []member) []member { m[1] = member{name: m[1].name, link: "../app", mode: 0o777}; return m },
		"a path leads out":    func(m []member) []member { return append(m, member{name: "../../out", text: "x", mode: 0o644}) },
		"a link is written through": func(m []member) []member {
			return append(m, member{name: "d", link: "../..", mode: 0o777}, member{name: "d/out", text: "x", mode: 0o644})
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJourney(t, nil)
			j.transport.before = forge(t, artifact(1), change(append([]member(nil), good...)))
			err := j.prepare(artifact(1))
			if name == "" {
				require.NoError(t, err, "the forger is good at it")
				return
			}
			require.Equal(t, "unpack", j.failure(err).Phase)
			require.ErrorIs(t, j.activate(artifact(1)), target.ErrUnprepared)
			require.NoFileExists(t, filepath.Join(j.root, "out"))
			require.NoFileExists(t, filepath.Join(j.root, "releases", "out"))
		})
	}
}

// much is a release that is large enough for OpenSSL to be asked.
func much(n int) *build.Artifact {
	return buildtest.Artifact(map[string]string{"app*": fmt.Sprintf("#!/bin/sh\necho %d\n", n), "lib/data": strings.Repeat("0123456789abcdef", 1<<18)})
}

func TestLaw15_ReleaseThatChangedOnTheDiskIsNotActivated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		release func(int) *build.Artifact
		openssl string
		spoil   string
	}{
		"a file":                                {artifact, "exit 9", "app"},
		"one of many bytes":                     {much, `real "$@"`, "app"},
		"one of many, where OpenSSL is no good": {much, "exit 127", "app"},
		"its manifest":                          {artifact, `real "$@"`, "../../.muster/releases/%s/manifest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJourney(t, nil)
			j.transport.Env = shim(t, "openssl", c.openssl)
			one, two := c.release(1), c.release(2)
			j.ship(one)
			require.NoError(t, j.prepare(two))
			spoil := filepath.Join(j.dir(two), strings.ReplaceAll(c.spoil, "%s", two.Digest[7:]))
			require.NoError(t, os.Remove(spoil)) // it is read-only
			require.NoError(t, os.WriteFile(spoil, []byte("spoiled"), 0o755))
			require.ErrorIs(t, j.activate(two), target.ErrUnprepared)
			j.serves(one)
			j.ship(two) // prepared anew
			j.serves(two)
		})
	}
}

// Its start costs as much as the hashing of some megabytes without it.
func TestOpenSSLIsAskedWhereThereIsMuchToHash(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("there is no OpenSSL here")
	}
	for asked, release := range map[bool]*build.Artifact{false: artifact(1), true: much(1)} {
		j := newJourney(t, nil)
		require.NoError(t, j.prepare(release))
		log := filepath.Join(t.TempDir(), "log")
		j.transport.Env = shim(t, "openssl", `echo "$*" >>'`+log+`'; real "$@"`)
		require.NoError(t, j.activate(release))
		_, err := os.Stat(log)
		require.Equal(t, asked, err == nil)
	}
}
