package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
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

	// Outlive leaves a script that takes nothing from its standard input to end by
	// itself when the context ends, and returns at once: it is for the host that
	// the deployer itself runs on. The restart that a deployer orders of itself
	// ends it, and the script has to go on to put back a successor that is no good.
	// Each script has limits of its own, and a newer order stops it.
	Outlive bool
}

// inherited are the variables that a script gets from this process.
var inherited = []string{"PATH", "HOME", "USER", "LANG", "TMPDIR", "TZ"}

// Run implements Transport.
func (e Exec) Run(ctx context.Context, c Call) error {
	if err := c.check(); err != nil {
		return fmt.Errorf("run script: %w", err)
	}
	run := e.run
	if e.Outlive && c.Stdin == nil {
		run = e.outlive
	}
	err := run(ctx, c)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return fmt.Errorf("run script: %w", cause)
	}
	if err != nil {
		return fmt.Errorf("run script: %w", err)
	}
	return nil
}

// run returns when the script has ended, or was killed because ctx has.
func (e Exec) run(ctx context.Context, c Call) error {
	cmd := exec.CommandContext(ctx, e.shell(), append([]string{"-c", c.Script, "muster"}, c.Args...)...)
	cmd.Env = e.environment()
	cmd.Stdout, cmd.Stderr = c.Stdout, c.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	if err := feed(cmd, c.Stdin); err != nil {
		return err
	}
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil // it has exited well, and left its input unread, or something running
	}
	return err
}

// feed gives cmd its input. One that never ends is not waited for once the script has
// ended, which exec.Cmd by itself would do.
func feed(cmd *exec.Cmd, from io.Reader) error {
	if from == nil {
		return nil
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(in, from) // a script may leave some of it unread
		in.Close()
	}()
	return nil
}

// outlive returns when the script or ctx has ended, and lets the script go on.
func (e Exec) outlive(ctx context.Context, c Call) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	out, errs := &valve{to: c.Stdout}, &valve{to: c.Stderr}
	c.Stdout, c.Stderr = out, errs
	ended := make(chan error, 1)
	go func() { ended <- e.run(context.WithoutCancel(ctx), c) }()
	defer out.shut()
	defer errs.shut()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// valve passes on what is written to it until it is shut, and then takes it without
// a word, so that what writes goes on.
type valve struct {
	mu sync.Mutex
	to io.Writer
}

// Write implements io.Writer.
func (v *valve) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.to == nil {
		return len(p), nil
	}
	return v.to.Write(p)
}

func (v *valve) shut() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.to = nil
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
