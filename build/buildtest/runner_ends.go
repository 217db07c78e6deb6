package buildtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/muster-deploy/muster/build"
)

// errEnough is why the suite cancels commands.
var errEnough = errors.New("the suite has seen enough")

// beating is a script whose file "beat" grows as long as it runs, which is not for ever:
// what a faulty runner leaves behind ends by itself.
const beating = `i=0; while [ $i -lt 100 ]; do echo >>beat; sleep 0.05; i=$((i+1)); done`

// unheard does the same where neither SIGTERM nor the end of a session reaches it.
const unheard = `(trap "" TERM HUP; ` + beating + `) >/dev/null 2>&1 &
while ! [ -s beat ]; do sleep 0.01; done; `

// still says that nothing grows in a workspace any more.
func (c *runnerCheck) still(dir, when string) {
	c.Helper()
	before := c.read(dir, "beat")
	if before == "" {
		c.Errorf("%s: the command never ran", when)
	}
	time.Sleep(300 * time.Millisecond)
	if c.read(dir, "beat") != before {
		c.Errorf("%s: something of it still runs after Run has returned", when)
	}
}

func (c *runnerCheck) limits() {
	start := cmp.Or(c.at.Start, 700*time.Millisecond)
	// Both end by themselves long after the limit.
	times := func(pause time.Duration) string { return fmt.Sprint(int(3*start/pause) + 1) }
	for _, l := range []struct {
		what          string
		timeout, idle time.Duration
		script        string
		want          error
	}{
		{"a command with a Timeout", start, 0, "i=0; while [ $i -lt " + times(10*time.Millisecond) + " ]; do echo; sleep 0.01; i=$((i+1)); done", build.ErrTimeout},
		{"a command with an Idle", time.Minute, start, "echo once; i=0; while [ $i -lt " + times(50*time.Millisecond) + " ]; do echo >>beat; sleep 0.05; i=$((i+1)); done", build.ErrIdle},
	} {
		dir := c.workspace()
		command := shell("echo >>beat; " + l.script)
		command.Timeout, command.Idle = l.timeout, l.idle
		if _, err := c.run(dir, command); !errors.Is(err, l.want) {
			c.Errorf("%s returns %v, want %v", l.what, err, l.want)
		}
		c.still(dir, l.what)
	}
}

// caller calls a function when a word is written.
type caller struct {
	lines
	word string
	call func()
	once sync.Once
}

func (l *caller) Write(p []byte) (int, error) {
	n, err := l.lines.Write(p)
	if strings.Contains(l.String(), l.word) {
		l.once.Do(l.call)
	}
	return n, err
}

func (c *runnerCheck) cancelled() {
	dir := c.workspace()
	ctx, cancel := context.WithCancelCause(c.Context())
	defer cancel(nil)
	log := &caller{word: "has begun", call: func() { cancel(errEnough) }}
	command := shell(unheard + "echo it has begun; " + beating)
	if err := c.runner.Run(ctx, dir, command, log); !errors.Is(err, errEnough) {
		c.Errorf("a cancelled command returns %v, want the cause", err)
	}
	c.still(dir, "a cancelled command")
}

func (c *runnerCheck) leaves() {
	dir := c.workspace()
	// Whether that is an error is left to the runner.
	_, _ = c.run(dir, shell(unheard+"exit 0"))
	c.still(dir, "a command that left a process")
}

func (c *runnerCheck) sideBySide() {
	var wait sync.WaitGroup
	for _, name := range []string{"one", "two", "three"} {
		dir := c.workspace()
		wait.Go(func() {
			command := shell("echo $A >>name; sleep 0.1; cat name")
			command.Env = map[string]string{"A": name}
			log, err := c.run(dir, command)
			if err != nil || !strings.HasSuffix(log, name+"\n") || c.read(dir, "name") != name+"\n" {
				c.Errorf("a command beside others: error %v, log %q, wrote %q", err, log, c.read(dir, "name"))
			}
		})
	}
	wait.Wait()
}
