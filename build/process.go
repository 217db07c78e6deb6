package build

import (
	"context"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// drainTime is how long output may stay open once the command has ended: a helper
// that is about to end as well is no daemon.
const drainTime = 2 * time.Second

// process is a command that runs.
type process struct {
	cmd   *exec.Cmd
	mark  string
	grace time.Duration
	out   *output
}

// supervise waits for the command, stops it when its time is up, and leaves nothing
// running.
func (p *process) supervise(ctx context.Context, timeout, idle time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	err, reason := p.await(ctx, ended, timeout, idle)
	if reason != nil {
		err = p.stop(ended, reason)
	}
	held := p.drain(reason != nil)
	left := p.killRest()
	p.out.finish(left)
	switch {
	case err != nil:
		return err
	case held:
		return ErrDaemon
	}
	return nil
}

// await returns how the command ended, or the reason why it has to.
func (p *process) await(ctx context.Context, ended <-chan error, timeout, idle time.Duration) (err, reason error) {
	wall := time.NewTimer(timeout)
	defer wall.Stop()
	quiet := time.NewTimer(idle)
	defer quiet.Stop()
	for {
		select {
		case err := <-ended:
			return err, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-wall.C:
			return nil, fmt.Errorf("%w of %v", ErrTimeout, timeout)
		case <-p.out.news:
			quiet.Reset(idle)
		case <-quiet.C:
			return nil, fmt.Errorf("%w: %v", ErrIdle, idle)
		}
	}
}

// stop ends the group, gently at first, and returns the reason.
func (p *process) stop(ended <-chan error, reason error) error {
	p.signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(p.grace):
		p.signal(syscall.SIGKILL)
		<-ended
	}
	return reason
}

// signal sends to the group and reports whether there is one. The group exists as
// long as one of it runs, or has ended and was not waited for.
func (p *process) signal(s syscall.Signal) bool {
	return syscall.Kill(-p.cmd.Process.Pid, s) == nil
}

// drain waits for the end of the output and says whether somebody holds it open.
// Of a command that was stopped nothing more is awaited.
func (p *process) drain(stopped bool) (held bool) {
	wait := drainTime
	if stopped {
		wait = 0
	}
	select {
	case <-p.out.done:
		return false
	case <-time.After(wait):
		return true
	}
}

// killRest kills what is left of the group and what has left it, and returns how
// many of those there were. A process may fork while it is looked for: the search
// ends when one finds nothing.
func (p *process) killRest() int {
	if p.signal(syscall.SIGKILL) {
		p.awaitGroup()
	}
	total := 0
	for range 50 {
		n := killMarked(func(mark string) bool { return mark == p.mark })
		if n == 0 {
			break
		}
		total += n
		time.Sleep(time.Millisecond) // A killed process needs a moment to be gone.
	}
	return total
}

// goneTime bounds the wait for killed processes to be gone. Where nobody waits for
// orphans, as in a container without an init, they never are.
const goneTime = time.Second

// awaitGroup waits until the killed group is gone: a process that was killed still
// runs for a moment.
func (p *process) awaitGroup() {
	for end := time.Now().Add(goneTime); p.signal(0) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}
