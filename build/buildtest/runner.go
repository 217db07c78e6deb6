package buildtest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/muster-deploy/muster/build"
)

// RunnerPlace is what the suite needs to try a runner. Its commands are "sh", "cat" and
// "sleep", which the runner has to have.
type RunnerPlace struct {
	// New returns the runner.
	New func() (build.Runner, error)
	// Tool is one that the runner has, with its version. Without a name, tools are not
	// tried.
	Tool build.Tool
	// Start is how long a command may take to begin, by which limits of time are tried;
	// zero means 700 milliseconds.
	Start time.Duration
}

// TestRunner checks that a build.Runner keeps its promises: a command runs in its
// directory with its variables and with none of this process's, its output goes where
// it belongs and holds no secret, a failure is a *build.CommandError, limits of time
// hold, and when Run returns nothing of the command is left running.
func TestRunner(t *testing.T, p RunnerPlace) {
	t.Helper()
	runnerSuite(live{t}, p)
}

// runnerSuite runs all checks of a runner.
func runnerSuite(r reporter, p RunnerPlace) {
	for _, c := range []struct {
		name  string
		check func(*runnerCheck)
	}{
		{"a command runs in its directory, with its variables", (*runnerCheck).place},
		{"what it writes is the caller's", (*runnerCheck).owns},
		{"it is asked nothing", (*runnerCheck).silent},
		{"it sees no variable of this process", (*runnerCheck).secluded},
		{"its output goes to the log, or to Stdout", (*runnerCheck).output},
		{"a failure is a CommandError with the end of the output", (*runnerCheck).fails},
		{"a program that is not there is an error", (*runnerCheck).missing},
		{"a secret is in no output", (*runnerCheck).secret},
		{"a secret on the command line is refused", (*runnerCheck).exposed},
		{"a directory outside of the workspace is refused", (*runnerCheck).outside},
		{"a version that is not there is named", (*runnerCheck).tools},
		{"limits of time hold", (*runnerCheck).limits},
		{"an ended context runs nothing", (*runnerCheck).ended},
		{"a cancelled command leaves nothing", (*runnerCheck).cancelled},
		{"a command that ends leaves nothing", (*runnerCheck).leaves},
		{"several at once do not mix", (*runnerCheck).sideBySide},
	} {
		r.Run(c.name, func(r reporter) {
			r.Helper()
			runner, err := p.New()
			if err != nil {
				r.Fatalf("make the runner: %v", err)
			}
			c.check(&runnerCheck{reporter: r, at: p, runner: runner})
		})
	}
}

// runnerCheck is one check of one runner.
type runnerCheck struct {
	reporter
	at     RunnerPlace
	runner build.Runner
}

// shell is a command of one script.
func shell(script string) build.Command {
	return build.Command{Name: "sh", Args: []string{"-c", script}, Timeout: time.Minute}
}

// workspace is an empty one.
func (c *runnerCheck) workspace() string {
	c.Helper()
	dir, err := filepath.EvalSymlinks(c.TempDir())
	if err == nil {
		dir = filepath.Join(dir, "tree")
		err = os.MkdirAll(filepath.Join(dir, "sub"), 0o755)
	}
	if err != nil {
		c.Fatalf("make a workspace: %v", err)
	}
	return dir
}

// run runs a command in a workspace, and returns the log.
func (c *runnerCheck) run(dir string, command build.Command) (string, error) {
	log := &lines{}
	err := c.runner.Run(c.Context(), dir, command, log)
	return log.String(), err
}

// succeed runs a command that has to succeed.
func (c *runnerCheck) succeed(dir string, command build.Command) string {
	c.Helper()
	log, err := c.run(dir, command)
	if err != nil {
		c.Fatalf("Run: %v", err)
	}
	return log
}

// read returns a file of a workspace, empty where it is not there.
func (c *runnerCheck) read(dir, name string) string {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		c.Fatalf("read what a command wrote: %v", err)
	}
	return string(text)
}

func (c *runnerCheck) place() {
	dir := c.workspace()
	command := shell(`pwd >where; printf %s "$A" >variable; cat ../source >copy`)
	command.Dir, command.Env = "sub", map[string]string{"A": "b  c;$(x)"}
	if err := os.WriteFile(filepath.Join(dir, "source"), []byte("text"), 0o644); err != nil {
		c.Fatalf("write a source file: %v", err)
	}
	c.succeed(dir, command)
	for name, want := range map[string]string{"sub/where": filepath.Join(dir, "sub") + "\n", "sub/variable": "b  c;$(x)", "sub/copy": "text"} {
		if got := c.read(dir, name); got != want {
			c.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
}

func (c *runnerCheck) owns() {
	dir := c.workspace()
	c.succeed(dir, shell("echo 1 >made; mkdir more; echo 1 >more/made"))
	err := errors.Join(os.WriteFile(filepath.Join(dir, "made"), nil, 0o644), os.RemoveAll(filepath.Join(dir, "more")))
	if err != nil {
		c.Errorf("what a command made cannot be changed: %v", err)
	}
}

func (c *runnerCheck) silent() {
	command := shell("cat; echo over")
	command.Timeout = 20 * time.Second
	if log := c.succeed(c.workspace(), command); !strings.Contains(log, "over\n") {
		c.Errorf("the log is %q, want what follows the end of the input", log)
	}
}

func (c *runnerCheck) secluded() {
	const name = "BUILDTEST_OF_THIS_PROCESS"
	if err := os.Setenv(name, "leak"); err != nil {
		c.Fatalf("set a variable: %v", err)
	}
	if log := c.succeed(c.workspace(), shell("echo variable: $"+name)); !strings.Contains(log, "variable:\n") {
		c.Errorf("a command sees a variable of this process: %q", log)
	}
}

func (c *runnerCheck) output() {
	dir := c.workspace()
	log := c.succeed(dir, shell("echo one; echo two >&2; printf three"))
	for _, want := range []string{"one\n", "two\n", "three"} {
		if !strings.Contains(log, want) {
			c.Errorf("the log is %q, want %q in it", log, want)
		}
	}
	var out bytes.Buffer
	command := shell("echo answer; echo remark >&2")
	command.Stdout = &out
	log = c.succeed(dir, command)
	if out.String() != "answer\n" {
		c.Errorf("Stdout got %q, want %q", out.String(), "answer\n")
	}
	if strings.Contains(log, "answer") || !strings.Contains(log, "remark\n") {
		c.Errorf("the log is %q, want the remark alone", log)
	}
}

func (c *runnerCheck) fails() {
	command := shell("i=0; while [ $i -lt 20000 ]; do echo a line of output; i=$((i+1)); done; echo this is why; exit 3")
	_, err := c.run(c.workspace(), command)
	failed, ok := errors.AsType[*build.CommandError](err)
	if !ok {
		c.Fatalf("a command that failed returns %v, want a *build.CommandError", err)
	}
	if failed.Code != 3 || failed.Command != command.String() {
		c.Errorf("the error is of %q with code %d, want %q and 3", failed.Command, failed.Code, command)
	}
	if !strings.HasSuffix(strings.TrimSpace(failed.Output), "this is why") || len(failed.Output) > 256<<10 {
		c.Errorf("the error has %d bytes of output, want the end of it, and not all", len(failed.Output))
	}
}

func (c *runnerCheck) missing() {
	_, err := c.run(c.workspace(), build.Command{Name: "no-such-program-anywhere", Timeout: time.Minute})
	if err == nil || !strings.Contains(err.Error(), "no-such-program-anywhere") {
		c.Errorf("a program that is not there returns %v, want an error that names it", err)
	}
}

// secretValue is found nowhere by chance.
const secretValue = "hunter2-of-the-runner-suite"

func (c *runnerCheck) secret() {
	dir := c.workspace()
	command := shell(`printf %s "$TOKEN" >had; printf '%.9s' "$TOKEN"; sleep 0.1; printf '%s\n' "${TOKEN#?????????}"; echo "$TOKEN" >&2; exit 1`)
	command.Secrets = map[string]string{"TOKEN": secretValue}
	log, err := c.run(dir, command)
	if c.read(dir, "had") != secretValue {
		c.Errorf("the command does not have its secret")
	}
	if err == nil || strings.Contains(log, secretValue) || strings.Contains(err.Error(), secretValue) {
		c.Errorf("the value of a secret is in the log or in the error")
	}
	if n := strings.Count(log, build.Redacted); n != 2 {
		c.Errorf("the log has %s %d times, want it twice: %q", build.Redacted, n, log)
	}
}

func (c *runnerCheck) exposed() {
	dir := c.workspace()
	command := shell("echo 1 >ran; : " + secretValue)
	command.Secrets = map[string]string{"TOKEN": secretValue}
	if _, err := c.run(dir, command); err == nil || strings.Contains(err.Error(), secretValue) || c.read(dir, "ran") != "" {
		c.Errorf("a secret on the command line is not refused")
	}
}

func (c *runnerCheck) outside() {
	dir := c.workspace()
	if err := os.Symlink("/", filepath.Join(dir, "out")); err != nil {
		c.Fatalf("make a link: %v", err)
	}
	for _, at := range []string{"..", "/tmp", "sub/../..", "out", "out/tmp"} {
		command := shell("true")
		command.Dir = at
		if _, err := c.run(dir, command); err == nil {
			c.Errorf("a command runs in %q, which is not in the workspace", at)
		}
	}
}

func (c *runnerCheck) tools() {
	if c.at.Tool.Name == "" {
		return
	}
	command := shell("true")
	command.Tools = []build.Tool{c.at.Tool}
	c.succeed(c.workspace(), command)
	command.Tools = []build.Tool{{Name: c.at.Tool.Name, Version: "999.9", File: ".version", Line: 7}}
	if _, err := c.run(c.workspace(), command); err == nil || !strings.Contains(err.Error(), c.at.Tool.Name+" 999.9 (.version:7)") {
		c.Errorf("a version that is not there returns %v, want an error that says which, and who asks for it", err)
	}
}

func (c *runnerCheck) ended() {
	dir := c.workspace()
	ctx, cancel := context.WithCancelCause(c.Context())
	cancel(errEnough)
	if err := c.runner.Run(ctx, dir, shell("echo 1 >ran"), &lines{}); !errors.Is(err, errEnough) {
		c.Errorf("Run with an ended context returns %v, want the cause of its end", err)
	}
	if c.read(dir, "ran") != "" {
		c.Errorf("Run with an ended context runs the command")
	}
}
