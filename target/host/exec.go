package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Exec is the Transport to this machine. The zero value is ready to use.
//
// A script runs in a process group of its own, so that it outlives a deployer that is
// killed, and ends what it began. When the context ends, the group is killed. What a
// restart command is to leave running has to leave the group, by setsid, or by
// belonging to a supervisor such as systemd.
type Exec struct {
	// Shell is the sh to run; empty means "sh".
	Shell string

	// Env is the environment of scripts and of all that they start, as KEY=VALUE.
	// Nil means PATH, HOME, USER, LANG, TMPDIR and TZ of this process and nothing
	// else: a deployer's secrets are not its apps'.
	Env []string
}

// inherited are the variables that a script gets from this process.
var inherited = []string{"PATH", "HOME", "USER", "LANG", "TMPDIR", "TZ"}

// Run implements Transport.
func (e Exec) Run(ctx context.Context, c Call) error {
	if err := c.check(); err != nil {
		return fmt.Errorf("run script: %w", err)
	}
	cmd := exec.CommandContext(ctx, e.shell(), append([]string{"-c", c.Script, "muster"}, c.Args...)...)
	cmd.Env = e.environment()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout, c.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return fmt.Errorf("run script: %w", cause)
	}
	if err != nil {
		return fmt.Errorf("run script: %w", err)
	}
	return nil
}

func (e Exec) shell() string {
	if e.Shell == "" {
		return "sh"
	}
	return e.Shell
}

func (e Exec) environment() []string {
	if e.Env != nil {
		return e.Env
	}
	env := []string{}
	for _, key := range inherited {
		if value, ok := os.LookupEnv(key); ok {
			env = append(env, key+"="+value)
		}
	}
	return env
}
