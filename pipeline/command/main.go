package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"syscall"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

// Main runs the command line of this process and returns its exit code.
func Main(pipelines ...pipeline.Pipeline) int {
	signals := make(chan os.Signal, 2)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // nohup and background jobs ask for that
			signal.Notify(signals, s)
		}
	}
	size := func() int { return width(os.Stdout) }
	return Run(context.Background(), Console{
		Name: filepath.Base(os.Args[0]), Args: os.Args[1:],
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, By: whoami(), Width: size, Signals: signals,
		Interactive: width(os.Stdin) > 0 && width(os.Stderr) > 0,
	}, pipelines...)
}

// whoami is the user and the host, or empty when the user is not known.
func whoami() string {
	name := os.Getenv("USER")
	if name == "" {
		if u, err := user.Current(); err == nil {
			name = u.Username
		}
	}
	if name == "" {
		return ""
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name + "@" + host
}

// Run runs one command line and returns its exit code. It ends early, while the
// command may still be at work, at the second signal: the process should end then.
func Run(ctx context.Context, console Console, pipelines ...pipeline.Pipeline) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &call{Console: console.withDefaults(), pipelines: pipelines}
	ended := make(chan int, 1)
	go func() { ended <- c.exit(c.dispatch(ctx)) }()
	for caught := false; ; caught = true {
		select {
		case code := <-ended:
			return code
		case s := <-c.Signals:
			if caught {
				return signalled(s)
			}
			cancel(&interruption{signal: s})
			if c.lasting.Load() {
				c.tell("%s: the step under way ends, then the lease is handed over; the same again ends it at once", s)
			}
		}
	}
}

// interruption is why the context of a command ends at the first signal.
type interruption struct{ signal os.Signal }

func (i *interruption) Error() string { return fmt.Sprintf("interrupted (%s)", i.signal) }

// signalled is the exit code of a process that a signal ended.
func signalled(s os.Signal) int {
	if n, ok := s.(syscall.Signal); ok {
		return 128 + int(n)
	}
	return Failed
}

// dispatch parses the command line and runs the command.
func (c *call) dispatch(ctx context.Context) error {
	cmd, act, err := c.parse()
	if err != nil {
		return err
	}
	if act == nil {
		return c.help(cmd)
	}
	err = act(ctx, c)
	var i *interruption
	if cause := context.Cause(ctx); errors.Is(err, context.Canceled) && errors.As(cause, &i) {
		return i
	}
	return err
}

// now is the time in the zone in which times are shown.
func (c *call) now() time.Time { return c.Now().In(c.Zone) }
