package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

// deployerCommand is the word by which this binary becomes a deployer.
const deployerCommand = "deployer"

// deploy is the main of the deployer's process.
func deploy(ctx context.Context, text string) error {
	var p place
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return fmt.Errorf("read where things are: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // the quickstart is gone when its end of the pipe is
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	engine, checks, err := p.engine(ctx)
	if err != nil {
		return err
	}
	defer checks.Close()
	go p.narrate(ctx, engine)
	return engine.Run(ctx)
}

// narrate prints what people want to know of an engine's events.
func (p place) narrate(ctx context.Context, e *pipeline.Engine) {
	for event := range e.Watch(ctx, 0) {
		switch event.Kind {
		case pipeline.EventBatch:
			step := event.Step
			p.deployerSays("%s: batch %d of %d: %s", event.Target, step.Batch, step.Batches, strings.Join(step.Units, ", "))
		case pipeline.EventClaimed, pipeline.EventBegan, pipeline.EventEnded, pipeline.EventReason, pipeline.EventProblem:
			p.deployerSays("%s", event.Message)
		}
	}
}

func (p place) deployerSays(format string, args ...any) {
	fmt.Printf("%6.1fs   deployer | %s\n", time.Since(p.Began).Seconds(), brief(fmt.Sprintf(format, args...)))
}

// process is a deployer that was started.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // valid once ended is closed
}

// start starts a deployer in a process group of its own: Ctrl-C is for the story, which
// stops it in order.
func (p place) start() (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, deployerCommand, string(text))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if _, err := cmd.StdinPipe(); err != nil { // nothing is written to it, see deploy
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start deployer: %w", err)
	}
	d := &process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		defer close(d.ended)
		d.err = cmd.Wait()
	}()
	return d, nil
}

func (d *process) pid() int { return d.cmd.Process.Pid }

// kill ends it as a power cut would.
func (d *process) kill() {
	_ = d.cmd.Process.Kill()
	<-d.ended
}

// stop asks it to end, and waits.
func (d *process) stop() error {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.ended:
		return d.err
	case <-time.After(20 * time.Second):
		d.kill()
		return errors.New("the deployer did not end on TERM")
	}
}
