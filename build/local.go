package build

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Local is a Runner on this machine. The zero value is ready for use, by several
// goroutines at once; it must not be copied after its first use.
//
// A command runs in a process group of its own, with nothing on its standard input.
// When it is to stop, the group is sent SIGTERM, and after Grace SIGKILL. What has
// left the group (a daemon) is found on Linux by a variable that every process
// started for the command inherits, MUSTER_BUILD, and killed; a process that wiped
// its environment, and on other systems any that left the group, is not found.
// There is no isolation: a command can read what this process's user can.
type Local struct {
	// Allow names further variables of this process that commands may see. Always
	// let through are PATH, HOME, USER, LOGNAME, LANG, LC_ALL, TZ, TMPDIR,
	// SSL_CERT_FILE and SSL_CERT_DIR.
	Allow []string
	// Env is added for every command, below the command's own.
	Env map[string]string
	// Timeout and Idle apply to commands that name none; zero means 30 and 10
	// minutes.
	Timeout, Idle time.Duration
	// Grace is the time between SIGTERM and SIGKILL; zero means 10 seconds.
	Grace time.Duration
	// LogLimit is how many bytes of one command go to the log; zero means 16 MiB.
	// The end of the output is kept for the error all the same.
	LogLimit int64
	// Versions says how to ask a tool for its version, by the tool's name, as
	// {"ruby": {"ruby", "--version"}}. A tool that is not listed is asked with
	// "--version", go and java in their own way.
	Versions map[string][]string

	mu       sync.Mutex
	versions map[string]string // what tools said, by what they were asked
}

// Run implements Runner.
func (l *Local) Run(ctx context.Context, dir string, c Command, log io.Writer) error {
	if err := c.Check(); err != nil {
		return fmt.Errorf("run a command: %w", err) // Its name may be what is wrong.
	}
	at, err := below(dir, c.Dir)
	if err != nil {
		return fmt.Errorf("run %s: %w", c, err)
	}
	if err := l.checkTools(ctx, at, c); err != nil {
		return fmt.Errorf("run %s: %w", c, err)
	}
	return l.run(ctx, dir, at, c, log)
}

// run starts the command and stays until nothing of it is left.
func (l *Local) run(ctx context.Context, dir, at string, c Command, log io.Writer) error {
	if err := context.Cause(ctx); err != nil {
		return &CommandError{Command: c.String(), Code: -1, Err: err}
	}
	mark := buildMark(dir)
	cmd, err := l.prepare(at, c, mark)
	if err != nil {
		return &CommandError{Command: c.String(), Code: -1, Err: err}
	}
	out, err := startOutput(cmd, c, log, cmp.Or(l.LogLimit, 16<<20))
	if err != nil {
		return fmt.Errorf("run %s: %w", c, err)
	}
	defer out.close()
	if err := cmd.Start(); err != nil {
		return &CommandError{Command: c.String(), Code: -1, Err: err}
	}
	out.started()
	p := &process{cmd: cmd, mark: mark, grace: cmp.Or(l.Grace, 10*time.Second), out: out}
	err = p.supervise(ctx, cmp.Or(c.Timeout, l.Timeout, 30*time.Minute), cmp.Or(c.Idle, l.Idle, 10*time.Minute))
	if err == nil {
		return nil
	}
	code := -1
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	}
	return &CommandError{Command: c.String(), Code: code, Output: out.end(), Err: err}
}

// prepare makes the command with its environment and process group.
func (l *Local) prepare(at string, c Command, mark string) (*exec.Cmd, error) {
	env := l.environment(c)
	name, err := lookPath(c.Name, at, env["PATH"])
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{Path: name, Args: append([]string{c.Name}, c.Args...), Dir: at}
	cmd.Env = []string{markVariable + "=" + mark, "PWD=" + at}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd, nil
}

// markVariable marks what was started for one command: a word that never repeats,
// and the workspace.
const markVariable = "MUSTER_BUILD"

func buildMark(dir string) string { return rand.Text() + ":" + dir }

// allowed are the variables that commands always see.
var allowed = []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"}

// environment is what c sees; what is more particular wins.
func (l *Local) environment(c Command) map[string]string {
	env := map[string]string{}
	for _, names := range [][]string{allowed, l.Allow} {
		for _, name := range names {
			if value, ok := os.LookupEnv(name); ok {
				env[name] = value
			}
		}
	}
	for _, more := range []map[string]string{l.Env, c.Env, c.Secrets} {
		for name, value := range more {
			env[name] = value
		}
	}
	return env
}

// lookPath finds a program on the PATH that the command will have, not on this
// process's. A name with a slash is relative to the command's directory.
func lookPath(name, dir, list string) (string, error) {
	if strings.Contains(name, "/") {
		if !strings.HasPrefix(name, "/") {
			name = dir + "/" + name
		}
		return name, executable(name)
	}
	for _, d := range strings.Split(list, ":") {
		if strings.HasPrefix(d, "/") && executable(d+"/"+name) == nil {
			return d + "/" + name, nil
		}
	}
	return "", fmt.Errorf("%s is not on the PATH (%s)", name, list)
}

// executable says why a file cannot be run.
func executable(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return fmt.Errorf("%s is not executable", name)
	}
	return nil
}
