package buildtest

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
)

// runnerFunc is a build.Runner.
type runnerFunc func(ctx context.Context, dir string, c build.Command, log io.Writer) error

func (f runnerFunc) Run(ctx context.Context, dir string, c build.Command, log io.Writer) error {
	return f(ctx, dir, c, log)
}

// local is a build.Local that has a tool "gadget" of version 1.2.3.
func local(t *testing.T) *build.Local {
	t.Helper()
	bin := t.TempDir()
	require.NoError(t, WriteTree(bin, map[string]string{"gadget*": "#!/bin/sh\necho gadget 1.2.3\n"}))
	return &build.Local{Env: map[string]string{"PATH": bin + ":" + os.Getenv("PATH")}, Grace: 100 * time.Millisecond}
}

func runnerPlace(r build.Runner) RunnerPlace {
	return RunnerPlace{New: func() (build.Runner, error) { return r, nil }, Tool: build.Tool{Name: "gadget", Version: "1.2"}}
}

func TestLocalPassesTheSuite(t *testing.T) {
	t.Parallel()
	TestRunner(t, runnerPlace(local(t)))
}

// changing is a sound runner that is told something else.
func changing(t *testing.T, change func(c *build.Command)) build.Runner {
	l := local(t)
	return runnerFunc(func(ctx context.Context, dir string, c build.Command, log io.Writer) error {
		change(&c)
		return l.Run(ctx, dir, c, log)
	})
}

// after is a sound runner whose error is changed.
func after(t *testing.T, change func(err error) error) build.Runner {
	l := local(t)
	return runnerFunc(func(ctx context.Context, dir string, c build.Command, log io.Writer) error {
		return change(l.Run(ctx, dir, c, log))
	})
}

// naive is what one writes first: os/exec, and no more.
func naive(ctx context.Context, dir string, c build.Command, log io.Writer) error {
	cmd := exec.CommandContext(ctx, c.Name, c.Args...)
	cmd.Dir, cmd.WaitDelay = filepath.Join(dir, c.Dir), 100*time.Millisecond
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	for _, more := range []map[string]string{c.Env, c.Secrets} {
		for name, value := range more {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Stdout, cmd.Stderr = log, log
	if c.Stdout != nil {
		cmd.Stdout = c.Stdout
	}
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && ctx.Err() == nil {
		return &build.CommandError{Command: c.String(), Code: exit.ExitCode(), Err: err}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func TestTheSuiteRejectsFaultyRunners(t *testing.T) {
	t.Parallel()
	allowing := local(t)
	allowing.Allow = []string{"BUILDTEST_OF_THIS_PROCESS"}
	var first sync.Once
	var home string
	// What each one is told to be wrong, by the check that finds it.
	type finds map[string]string
	const (
		place, owns, silent, secluded  = "its directory, with its variables", "is the caller's", "asked nothing", "no variable of this"
		output, fails, missing, secret = "goes to the log", "is a CommandError", "program that is not there", "in no output"
		exposed, outside, tools        = "on the command line", "outside of the workspace", "version that is not there"
		limits, ended, cancelled       = "limits of time", "an ended context", "a cancelled command"
		leaves, sideBySide             = "a command that ends", "several at once"
	)
	for name, f := range map[string]struct {
		runner build.Runner
		finds
	}{
		"in the root of the workspace": {changing(t, func(c *build.Command) { c.Dir = "" }), finds{place: "../source", outside: `runs in ".."`}},
		"without variables":            {changing(t, func(c *build.Command) { c.Env = nil }), finds{place: "sub/variable holds"}},
		"without secrets":              {changing(t, func(c *build.Command) { c.Secrets = nil }), finds{secret: "does not have its secret"}},
		"all variables":                {allowing, finds{secluded: "sees a variable of this process"}},
		"no Stdout":                    {changing(t, func(c *build.Command) { c.Stdout = nil }), finds{output: `Stdout got ""`}},
		"no tools":                     {changing(t, func(c *build.Command) { c.Tools = nil }), finds{tools: "returns <nil>"}},
		"no limits":                    {changing(t, func(c *build.Command) { c.Timeout, c.Idle = 0, 0 }), finds{limits: "with an Idle returns <nil>"}},
		"swallows errors": {after(t, func(error) error { return nil }), finds{
			fails: "want a *build.CommandError", missing: "returns <nil>", ended: "returns <nil>"}},
		"errors of its own": {after(t, func(err error) error {
			if err != nil {
				err = errors.New(err.Error())
			}
			return err
		}), finds{fails: "want a *build.CommandError", ended: "want the cause"}},
		"the log of nobody": {runnerFunc(func(ctx context.Context, dir string, c build.Command, _ io.Writer) error {
			return local(t).Run(ctx, dir, c, nil)
		}), finds{output: `the log is "", want "one\n"`}},
		"never hears": {runnerFunc(func(ctx context.Context, dir string, c build.Command, log io.Writer) error {
			return local(t).Run(context.WithoutCancel(ctx), dir, c, log)
		}), finds{ended: "runs the command", cancelled: "returns <nil>"}},
		"one place for all": {runnerFunc(func(ctx context.Context, dir string, c build.Command, log io.Writer) error {
			first.Do(func() { home = t.TempDir(); _ = os.Mkdir(filepath.Join(home, "sub"), 0o755) })
			return local(t).Run(ctx, home, c, log)
		}), finds{place: "../source", sideBySide: "a command beside others"}},
		"its input never ends": {runnerFunc(func(ctx context.Context, dir string, c build.Command, log io.Writer) error {
			if c.Name == "sh" && strings.HasPrefix(c.Args[1], "cat") {
				return context.DeadlineExceeded
			}
			return local(t).Run(ctx, dir, c, log)
		}), finds{silent: "Run: context deadline exceeded"}},
		"files of another's": {runnerFunc(func(ctx context.Context, dir string, c build.Command, log io.Writer) error {
			// Not even root may write to a directory in the place of a file.
			return errors.Join(local(t).Run(ctx, dir, c, log), os.Remove(filepath.Join(dir, "made")), os.Mkdir(filepath.Join(dir, "made"), 0o755))
		}), finds{owns: "cannot be changed"}},
		"naive": {runnerFunc(naive), finds{
			fails: "the error has 0 bytes of output", secret: "is in the log or in the error", exposed: "is not refused", outside: `runs in "out"`,
			tools: "returns <nil>", leaves: "something of it still runs",
		}},
	} {
		for check, want := range f.finds {
			t.Run(name+"/"+check, func(t *testing.T) {
				t.Parallel()
				complaints := record(t, func(r reporter) { runnerSuite(only{r, check}, runnerPlace(f.runner)) })
				require.Contains(t, strings.Join(complaints, "\n"), want)
			})
		}
	}
}

// only runs the checks with a piece in their names.
type only struct {
	reporter
	piece string
}

func (o only) Run(name string, check func(reporter)) {
	if strings.Contains(name, o.piece) {
		o.reporter.Run(name, check)
	}
}

func TestTheSuiteSaysWhenThereIsNoRunner(t *testing.T) {
	none := RunnerPlace{New: func() (build.Runner, error) { return nil, errors.New("no engine") }}
	require.Contains(t, strings.Join(record(t, func(r reporter) { runnerSuite(r, none) }), "\n"), "make the runner: no engine")
	sound := RunnerPlace{New: func() (build.Runner, error) { return local(t), nil }}
	require.Empty(t, record(t, func(r reporter) { runnerSuite(only{r, "version"}, sound) }), "without a tool")
}
