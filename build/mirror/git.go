package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/internal/tail"
)

// maxAnswer bounds what is kept of one answer of git, in bytes.
const maxAnswer = 1 << 20

// Error is git's own complaint.
type Error struct {
	// Command is what was run, without credentials.
	Command string
	// Code is git's exit code, -1 where it was killed.
	Code int
	// Output is the end of what it said, without credentials.
	Output string
	err    error
}

// Error names the command, the exit code and git's last lines.
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %v: %s", e.Command, e.err, strings.TrimSpace(e.Output))
}

// Unwrap returns why git ended: the cause of its context, or an exec error.
func (e *Error) Unwrap() error { return e.err }

// command is one call of git.
type command struct {
	args   []string
	env    []string
	stdout io.Writer // nil: returned, up to maxAnswer
	extra  []*os.File
}

// git runs git in the mirror and returns what it said.
func (m *Mirror) git(ctx context.Context, c command) (string, error) {
	cmd := exec.CommandContext(ctx, m.config.Git, append(settings(), c.args...)...)
	cmd.Env = m.environment(c.env)
	cmd.ExtraFiles = c.extra
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second

	var answer bytes.Buffer
	cmd.Stdout = c.stdout
	if c.stdout == nil {
		cmd.Stdout = &limited{to: &answer, left: maxAnswer}
	}
	complaint := tail.New(8 << 10)
	redacted := build.NewRedactor(complaint, m.remote.secrets)
	cmd.Stderr = redacted
	err := cmd.Run()
	redacted.Flush()
	if err == nil {
		return answer.String(), nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return "", &Error{Command: "git " + strings.Join(c.args, " "), Code: exitCode(cmd), Output: complaint.String(), err: err}
}

// exitCode returns the exit code of what was run, or -1.
func exitCode(cmd *exec.Cmd) int {
	if cmd.ProcessState == nil {
		return -1
	}
	return cmd.ProcessState.ExitCode()
}

// settings are given to every call: nothing that a repository or a user sets up
// may run code, change bytes, or leave a process behind.
func settings() []string {
	var args []string
	for _, s := range []string{
		"core.hooksPath=/dev/null",
		"core.fsmonitor=false",
		"core.autocrlf=false",
		"core.symlinks=true",
		"core.quotePath=true",
		"log.showSignature=false",
		"log.mailmap=false",
		"gc.autoDetach=false",
		"maintenance.autoDetach=false",
		"gc.pruneExpire=never",
		"gc.reflogExpire=never",
		"submodule.recurse=false",
		"fetch.recurseSubmodules=false",
		"advice.detachedHead=false",
	} {
		args = append(args, "-c", s)
	}
	return args
}

// environment is this process's without what would lead git astray, and with the
// credentials, which have no place on a command line.
func (m *Mirror) environment(more []string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GIT_") && !strings.HasPrefix(v, "LC_") && !strings.HasPrefix(v, "LANG") {
			env = append(env, v)
		}
	}
	env = append(env, "LC_ALL=C", "GIT_DIR="+m.config.Dir, "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=false", "SSH_ASKPASS=false",
		"GIT_SSH_COMMAND=ssh -oBatchMode=yes", "GIT_ALLOW_PROTOCOL=file:git:http:https:ssh",
		"GIT_NO_REPLACE_OBJECTS=1", "GIT_OPTIONAL_LOCKS=0", "GIT_ATTR_NOSYSTEM=1")
	if m.remote.header != "" {
		env = append(env, "GIT_CONFIG_COUNT=1",
			"GIT_CONFIG_KEY_0=http."+m.remote.scope+".extraHeader", "GIT_CONFIG_VALUE_0="+m.remote.header)
	}
	return append(append(env, more...), m.config.Env...)
}

// limited keeps the first bytes of what is written and takes the rest in silence.
type limited struct {
	to   *bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.to.Write(p[:n])
	l.left -= n
	return len(p), nil
}

// refused says whether git ran and said no, with this exit code.
func refused(err error, code int) bool {
	var g *Error
	return errors.As(err, &g) && g.Code == code
}
