package ec2test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Machine is the inside of an instance.
type Machine interface {
	// Run runs the script of a command as root's shell does, and returns what it wrote
	// and its exit status. When ctx ends the instance has ended.
	Run(ctx context.Context, s *Script) (stdout, stderr string, status int)
}

// Script is what a command brings to its instances.
type Script struct {
	// Text is as it was sent.
	Text string

	once     sync.Once
	settings []string
	err      error
}

// Root is an absolute path that leads every Shell into its own directory, where "app" is
// made for it: mkdir -p would lose its way there.
const Root = "/proc/self/cwd/app"

// Shell is a real sh in a directory of this machine.
type Shell struct {
	// Dir is where scripts start; it has to be there.
	Dir string
	// Env is their environment, as KEY=VALUE, besides PATH and HOME, which is Dir.
	Env []string
	// Path is the sh; empty means "sh".
	Path string
}

// Run implements Machine.
func (m *Shell) Run(ctx context.Context, s *Script) (stdout, stderr string, status int) {
	sh := m.Path
	if sh == "" {
		sh = "sh"
	}
	if err := os.MkdirAll(filepath.Join(m.Dir, "app"), 0o755); err != nil {
		return "", err.Error(), 127
	}
	cmd := exec.CommandContext(ctx, sh, "-c", s.Text)
	var out, errs strings.Builder
	cmd.Dir, cmd.Stdout, cmd.Stderr = m.Dir, &out, &errs
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + m.Dir}, m.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
	case errors.As(err, &exit):
		status = exit.ExitCode()
	default:
		return out.String(), err.Error(), 127
	}
	return out.String(), errs.String(), status
}
