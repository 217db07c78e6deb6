// Package teamtest plays a team that ships an app by a deployer: it commits, types the
// deployer's commands, and waits for what they are to lead to. It is for tests of the
// examples, from git to what people see.
package teamtest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/muster-deploy/muster/internal/partstest"
	"github.com/muster-deploy/muster/pipeline"
)

// Patience is how long a build and its deploy may take on a machine that is busy.
const Patience = 5 * time.Minute

// Team has an app in a repository.
type Team struct {
	// Dir is the repository.
	Dir string
	// Deployer is the command, as words, that people type a word after: "status".
	Deployer []string
	// Env is the environment of the deployer.
	Env []string
	// Machines is the pattern of the directory with those of Local, for filepath.Glob.
	Machines string

	t   testing.TB
	log log // of the deployer that runs
}

// New copies the app of a directory into a repository that has no commit yet. Its
// script bin/ci is content with all.
func New(t testing.TB, app string) *Team {
	t.Helper()
	m := &Team{t: t, Dir: filepath.Join(t.TempDir(), "app"), log: newLog()}
	if err := os.CopyFS(m.Dir, os.DirFS(app)); err != nil {
		t.Fatal(err)
	}
	m.Write("bin/ci", "#!/bin/sh\nexec test -d .\n")
	m.git("init", "--quiet", "--initial-branch=main")
	return m
}

// NewRails has the app of the part rails, whose gems are served on loopback.
func NewRails(t testing.TB) *Team {
	t.Helper()
	part := partstest.Dir(t, "rails")
	gems := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(part, "source"))))
	t.Cleanup(gems.Close)
	m := New(t, filepath.Join(part, "app"))
	for _, name := range []string{"Gemfile", "Gemfile.lock"} {
		m.Edit(name, "http://127.0.0.1:9", gems.URL)
	}
	m.Write("Procfile", "web: bundle exec puma\n")
	return m
}

// NewEmber has the app of the current blueprint of the part ember, whose packages come
// from where the set-up has put them.
func NewEmber(t testing.TB) *Team {
	t.Helper()
	part := partstest.Dir(t, "ember")
	m := New(t, filepath.Join(part, "modern"))
	if err := os.RemoveAll(filepath.Join(m.Dir, "tmp")); err != nil {
		t.Fatal(err)
	}
	m.Write(".npmrc", "prefer-offline=true\nstore-dir="+filepath.Join(part, "pnpm-store")+"\n")
	m.Env = append(m.Env, "PATH="+filepath.Join(part, "tools/node_modules/.bin")+":"+os.Getenv("PATH"))
	return m
}

// Built has the team deploy by a binary of the example in this directory, with a home of
// its own, whose caches are in the directory that is returned.
func (m *Team) Built(env ...string) (caches string) {
	m.t.Helper()
	home := m.t.TempDir()
	binary, caches := filepath.Join(home, "deployer"), filepath.Join(home, "cache")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		m.t.Fatalf("build the deployer: %v\n%s", err, out)
	}
	m.Deployer = []string{binary}
	m.Env = append(append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+caches, "USER=mia", "REPOSITORY="+m.Dir), append(m.Env, env...)...)
	return caches
}

// Write writes a file of the app, which may be run.
func (m *Team) Write(name, text string) {
	m.t.Helper()
	at := filepath.Join(m.Dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

// Edit replaces a piece of a file, which is there.
func (m *Team) Edit(name, from, to string) {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.Dir, name))
	if err != nil || !strings.Contains(string(text), from) {
		m.t.Fatalf("%s does not hold %q (%v)", name, from, err)
	}
	m.Write(name, strings.ReplaceAll(string(text), from, to))
}

func (m *Team) git(words ...string) string {
	m.t.Helper()
	c := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com"}, words...)...)
	c.Dir = m.Dir
	out, err := c.CombinedOutput()
	if err != nil {
		m.t.Fatalf("git %v: %v\n%s", words, err, out)
	}
	return strings.TrimSpace(string(out))
}

// Commit commits what was written, and returns the revision.
func (m *Team) Commit() string {
	m.t.Helper()
	m.git("add", "-A")
	m.git("commit", "--quiet", "--message=x")
	return m.git("rev-parse", "HEAD")
}

func (m *Team) command(words ...string) *exec.Cmd {
	c := exec.Command(m.Deployer[0], append(m.Deployer[1:len(m.Deployer):len(m.Deployer)], words...)...)
	c.Env = m.Env
	return c
}

// Type types a command, which has to succeed, and returns what it prints.
func (m *Team) Type(words ...string) string {
	m.t.Helper()
	c := m.command(words...)
	var log bytes.Buffer
	c.Stderr = &log
	out, err := c.Output()
	if err != nil {
		m.t.Fatalf("%v: %v\n%s%s", words, err, out, &log)
	}
	return string(out)
}

// Run starts the deployer, which ends with the test and shows its log if that fails.
func (m *Team) Run() {
	m.t.Helper()
	c := m.command("run")
	c.Stdout, c.Stderr = &m.log, &m.log
	if err := c.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil || m.t.Failed() || os.Getenv("MUSTER_SERVER_LOG") != "" {
			m.t.Logf("the deployer ended with %v:\n%s", err, m.log.String())
		}
	})
}

// Status is what the deployer's status says.
func (m *Team) Status() (s pipeline.Status) {
	m.t.Helper()
	if err := json.Unmarshal([]byte(m.Type("status", "-json")), &s); err != nil {
		m.t.Fatal(err)
	}
	return s
}

// Until waits for something to hold. It looks when the deployer has said something, and
// seldom otherwise: each look is a process, which takes its time from the deploy.
func (m *Team) Until(what string, holds func() bool) {
	m.t.Helper()
	for begun := time.Now(); !holds(); m.log.wait(time.Second) {
		if time.Since(begun) > Patience {
			m.t.Fatalf("not %s after %v: %s", what, Patience, m.Type("status"))
		}
	}
}

// Live waits until a revision is live and nothing is under way.
func (m *Team) Live(revision string) {
	m.t.Helper()
	m.Until("live: "+revision, func() bool {
		s := m.Status()
		return s.Live != nil && s.Live.Revision == revision && s.Open == nil
	})
}

// Waits waits until a revision is not live for a reason that is given.
func (m *Team) Waits(revision, reason string) {
	m.t.Helper()
	m.Until("held up by "+reason, func() bool { return strings.Contains(m.Type("why", revision), reason) })
}
