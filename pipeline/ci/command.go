package ci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/pipeline"
)

// Trees gives the tree of a revision: a *mirror.Mirror does.
type Trees interface {
	// Checkout writes the tree of a revision into dir, which is empty.
	Checkout(ctx context.Context, revision, dir string) error
}

// Config says how a Command judges. Trees and Command are required.
type Config struct {
	Trees Trees
	// Command is run at the root of the checkout. Exit code zero is Passed, any
	// other Failed; so are its time limits, its idle limit, and a process that it
	// leaves behind. Its Secrets are kept out of the log.
	Command build.Command
	// Runner runs it. Nil: this machine, a zero build.Local.
	Runner build.Runner

	// Parallel is how many commands run at once. Zero: one.
	Parallel int
	// Dir is where checkouts and unfinished logs are made, and removed after each
	// run. Empty: the system's directory for temporary files.
	Dir string

	// Store keeps verdicts and logs, so that no revision is judged again by the next
	// process. Nil: they are lost with this one.
	Store build.Store
	// Name tells the verdicts of this command from those of others in the store:
	// letters, digits, ".", "_" and "-". To judge all changes anew, take another
	// one. Empty: "ci".
	Name string

	// Retry is how long a revision rests that could not be judged, because its tree
	// or the program was not to be had. Zero: one minute.
	Retry time.Duration
	// Log is told of each run, for debugging. Nil: nobody.
	Log *slog.Logger
}

var validName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$`)

// validate fills in the defaults and returns all that is wrong with c, joined.
func (c *Config) validate() error {
	var errs []error
	if c.Trees == nil {
		errs = append(errs, errors.New("Trees is missing: where does a change's tree come from?"))
	}
	if err := c.Command.Check(); err != nil {
		errs = append(errs, fmt.Errorf("Command: %w", err))
	}
	if c.Parallel < 0 || c.Retry < 0 {
		errs = append(errs, errors.New("Parallel or Retry is negative"))
	}
	if c.Name == "" {
		c.Name = "ci"
	}
	if !validName.MatchString(c.Name) {
		errs = append(errs, fmt.Errorf("Name is %q: want letters, digits, \".\", \"_\" and \"-\"", c.Name))
	}
	c.Parallel = max(c.Parallel, 1)
	if c.Retry == 0 {
		c.Retry = time.Minute
	}
	if c.Runner == nil {
		c.Runner = &build.Local{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return errors.Join(errs...)
}

// Command is a pipeline.CI that runs a command on a checkout of each change, the
// newest first, and keeps its verdicts. Its methods may be called concurrently.
type Command struct {
	c    Config
	ctx  context.Context // ends with Close
	stop context.CancelFunc
	runs sync.WaitGroup

	mu       sync.Mutex
	verdicts map[string]pipeline.Verdict
	queue    []string             // to be judged, the next one first
	asked    map[string]time.Time // when each of the queue was asked for last
	running  map[string]bool      // being judged
	rests    map[string]time.Time // could not be judged; until when they rest
	notify   []func()
}

var (
	_ pipeline.CI       = (*Command)(nil)
	_ pipeline.Notifier = (*Command)(nil)
	_ pipeline.Recaller = (*Command)(nil)
)

// New returns the judge that c describes. It starts nothing; the error joins all
// that is wrong with c.
func New(c Config) (*Command, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("configure ci: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Command{
		c: c, ctx: ctx, stop: stop,
		verdicts: map[string]pipeline.Verdict{},
		asked:    map[string]time.Time{},
		running:  map[string]bool{}, rests: map[string]time.Time{},
	}, nil
}

// Close stops the commands that run, and waits until nothing of them is left. What
// was not judged by then stays pending, and is judged by the next process.
func (c *Command) Close() error {
	c.stop()
	c.runs.Wait()
	return nil
}

// Notify implements pipeline.Notifier: the function is called whenever a revision was
// judged, from another goroutine.
func (c *Command) Notify(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notify = append(c.notify, f)
}

// Log opens what the command wrote for a revision that was judged, or returns
// build.ErrNotFound.
func (c *Command) Log(ctx context.Context, revision string) (io.ReadCloser, error) {
	if c.c.Store == nil || !validRevision.MatchString(revision) {
		return nil, fmt.Errorf("log of %.40q: %w", revision, build.ErrNotFound)
	}
	return c.c.Store.Get(ctx, c.key(revision, "log"))
}

// Verdicts implements pipeline.CI. It never waits for a command: it starts what is
// not judged yet, in the order of revisions, before all that was asked for earlier,
// and leaves it pending. What is not asked for again within ten minutes, and has not
// been started by then, is forgotten. An error of the store is returned: what was judged before
// is not known then.
func (c *Command) Verdicts(ctx context.Context, revisions []string) (map[string]pipeline.Verdict, error) {
	verdicts, err := c.Recall(ctx, revisions)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var wanted []string
	for _, revision := range revisions {
		if v, judged := c.verdicts[revision]; judged {
			verdicts[revision] = v
		} else if !c.running[revision] && !time.Now().Before(c.rests[revision]) {
			wanted = append(wanted, revision)
		}
	}
	c.enqueue(wanted)
	return verdicts, nil
}

// Recall implements pipeline.Recaller: it says what was judged by now, also by an earlier
// process, and starts nothing.
func (c *Command) Recall(ctx context.Context, revisions []string) (map[string]pipeline.Verdict, error) {
	if err := c.recall(ctx, c.unknown(revisions)); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	verdicts := make(map[string]pipeline.Verdict, len(revisions))
	for _, revision := range revisions {
		if v, judged := c.verdicts[revision]; judged {
			verdicts[revision] = v
		}
	}
	return verdicts, nil
}

// unknown returns the revisions that this process has not met.
func (c *Command) unknown(revisions []string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	queued := make(map[string]bool, len(c.queue))
	for _, revision := range c.queue {
		queued[revision] = true
	}
	var unknown []string
	for _, revision := range revisions {
		_, judged := c.verdicts[revision]
		_, resting := c.rests[revision]
		if !judged && !resting && !c.running[revision] && !queued[revision] {
			unknown = append(unknown, revision)
		}
	}
	return unknown
}

// recall reads the verdicts that an earlier process left.
func (c *Command) recall(ctx context.Context, revisions []string) error {
	if c.c.Store == nil {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for _, revision := range revisions {
		g.Go(func() error {
			v, err := c.load(ctx, revision)
			if err != nil || v == pipeline.Pending {
				return err
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.verdicts[revision] = v
			return nil
		})
	}
	return g.Wait()
}

// enqueue puts revisions before all others and starts what may run. The caller
// holds mu.
func (c *Command) enqueue(revisions []string) {
	first := make(map[string]bool, len(revisions))
	for _, revision := range revisions {
		first[revision] = true
	}
	for _, revision := range revisions {
		c.asked[revision] = time.Now()
	}
	rest := slices.DeleteFunc(c.queue, func(r string) bool { return first[r] })
	c.queue = append(slices.Clone(revisions), rest...)
	c.dispatch()
}

// forgetAfter is how long a revision waits without being asked for again. What is
// older than a change that went live meanwhile is no longer asked for, and would
// keep the machine busy for nobody.
const forgetAfter = 10 * time.Minute

// dispatch starts as many runs as there is room for. The caller holds mu.
func (c *Command) dispatch() {
	for len(c.queue) > 0 && len(c.running) < c.c.Parallel && c.ctx.Err() == nil {
		revision := c.queue[0]
		c.queue = c.queue[1:]
		asked := c.asked[revision]
		delete(c.asked, revision)
		if time.Since(asked) > forgetAfter {
			continue
		}
		c.running[revision] = true
		c.runs.Go(func() { c.judge(revision) })
	}
}

// judge runs the command for one revision, notes what came of it, and starts the
// next.
func (c *Command) judge(revision string) {
	v, err := c.run(c.ctx, revision)
	c.mu.Lock()
	delete(c.running, revision)
	switch {
	case err == nil:
		c.verdicts[revision] = v
		delete(c.rests, revision)
		c.c.Log.Info("judged", "revision", revision, "verdict", v)
	case c.ctx.Err() == nil:
		c.rests[revision] = time.Now().Add(c.c.Retry)
		c.c.Log.Warn("could not judge; it is tried again", "revision", revision, "error", err)
	}
	c.dispatch()
	notify := c.notify
	c.mu.Unlock()
	if err != nil {
		return
	}
	for _, f := range notify {
		f()
	}
}
