package pipelinetest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

const pipelineName = "shop/web"

// world is one pipeline and everything around it.
type world struct {
	seed   uint64
	random *rand.Rand // of the goroutine that makes the history
	start  time.Time
	faults atomic.Bool

	store    *witness
	logs     build.MemoryStore
	builds   buildtest.Builds
	branch   *branch
	stages   func(*gate) []pipeline.Stage
	tune     func(*pipeline.Config) // nil: as it is
	targets  []*targettest.Memory
	outside  *gate // the operators' network
	operator pipeline.Pipeline
	wait     sync.WaitGroup

	deployers []*deployer

	mu       sync.Mutex
	sick     map[string]bool // unit and digest
	bad      map[string]bool // revisions that checks refuse
	shrug    bool            // checks cannot tell
	asked    map[string]asking
	orders   []delivery
	parcels  []parcel
	begun    []batch
	artifact map[string][]string // digest to revisions
	trace    []line
}

// asking is a request and what became of it.
type asking struct {
	request pipeline.Request
	done    time.Time // when it was first confirmed; zero: it was not
}

// delivery is an order as a target got it.
type delivery struct {
	target *targettest.Memory
	call   string
	order  target.Order
}

// parcel is an order on its way to a unit.
type parcel struct {
	target *targettest.Memory
	unit   string
	order  target.Order
}

// batch is one permission that an engine gave.
type batch struct {
	at     time.Time
	who    string
	target string
	intent target.Intent
}

// deployer is one process that runs the pipeline.
type deployer struct {
	*gate
	engine *pipeline.Engine
	leave  context.CancelFunc
	ended  chan struct{}
}

// line is one line of the trace.
type line struct {
	at   time.Time
	text string
}

func newWorld(seed uint64) *world {
	w := &world{
		seed: seed, random: rand.New(rand.NewPCG(seed, 1)), start: time.Now(), store: &witness{}, branch: newBranch(),
		sick: map[string]bool{}, bad: map[string]bool{}, asked: map[string]asking{}, artifact: map[string][]string{},
	}
	w.targets = []*targettest.Memory{
		targettest.NewMemory("canary", "k1", "k2"),
		targettest.NewMemory("web", "w1", "w2", "w3", "w4"),
		targettest.NewMemory("jobs", "j1", "j2"),
	}
	w.targets[1].Batch, w.targets[1].Budget = 2, 1
	w.targets[2].Batch = 1
	for _, t := range w.targets {
		t.Hook = w.hook
	}
	w.stages = w.twoStages
	w.outside = &gate{name: "operator", faults: &w.faults, kill: func() {}, random: rand.New(rand.NewPCG(seed, 2))}
	w.operator = pipeline.Open(&gatedStore{gate: w.outside, store: w.store}, &w.logs, pipelineName)
	return w
}

// twoStages is a canary and then the rest, with checks that know the bad changes.
func (w *world) twoStages(g *gate) []pipeline.Stage {
	check := pipeline.Check{Name: "errors", Run: func(_ context.Context, s pipeline.Subject) (pipeline.Outcome, string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case w.bad[s.Release.Revision]:
			return pipeline.Bad, "too many errors"
		case w.shrug:
			return pipeline.CannotTell, "no data"
		}
		return pipeline.Good, ""
	}}
	migrate := pipeline.Hook{Name: "migrate", Repeatable: w.seed%3 != 0, Run: func(context.Context, pipeline.Subject) error {
		return g.travel(100 * time.Millisecond)
	}}
	first := pipeline.Stage{Name: "first", Targets: []target.Target{w.gated(g, 0)}, Verify: []pipeline.Check{check},
		Every: 2 * time.Second, Limit: time.Minute}
	rest := pipeline.Stage{Name: "rest", Targets: []target.Target{w.gated(g, 1), w.gated(g, 2)}, Limit: time.Minute}
	if w.seed%2 == 0 {
		first.Bake = 4 * time.Second
		rest.Before = []pipeline.Hook{migrate}
	}
	return []pipeline.Stage{first, rest}
}

func (w *world) gated(g *gate, i int) target.Target {
	return &gatedTarget{Target: w.targets[i], gate: g, world: w, memory: w.targets[i]}
}

// deploy starts another process.
func (w *world) deploy() *deployer {
	n := len(w.deployers) + 1
	ctx, cancel := context.WithCancel(context.Background())
	g := &gate{name: fmt.Sprintf("d%d", n), faults: &w.faults, kill: cancel, random: rand.New(rand.NewPCG(w.seed, uint64(10+n)))}
	config := pipeline.Config{
		Name: pipelineName, Source: w.branch, CI: w.branch, Builds: &gatedBuilds{gate: g, world: w},
		Stages: w.stages(g), Store: &gatedStore{gate: g, store: w.store}, Logs: &w.logs, Holder: g.name,
		Poll: 8 * time.Second, Converge: 25 * time.Second, LeaseDuration: 6 * time.Second, Handover: 5 * time.Second,
	}
	if w.tune != nil {
		w.tune(&config)
	}
	engine, err := pipeline.New(config)
	if err != nil {
		panic(err)
	}
	d := &deployer{gate: g, engine: engine, leave: cancel, ended: make(chan struct{})}
	w.deployers = append(w.deployers, d)
	w.note("%s starts", g.name)
	w.wait.Go(func() {
		defer close(d.ended)
		err := engine.Run(ctx)
		w.note("%s ends: %v", d.name, err)
	})
	return d
}

// alive are the deployers that have not ended.
func (w *world) alive() []*deployer {
	return slices.DeleteFunc(slices.Clone(w.deployers), func(d *deployer) bool {
		select {
		case <-d.ended:
			return true
		default:
			return false
		}
	})
}

// end ends everything that runs.
func (w *world) end() {
	for _, d := range w.deployers {
		d.die()
	}
	w.outside.wake()
	w.wait.Wait()
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trace = append(w.trace, line{time.Now(), fmt.Sprintf(format, args...)})
}

func (w *world) isSick(unit, digest string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sick[unit+digest]
}

// revisionsOf are the changes whose artifact has the digest.
func (w *world) revisionsOf(digest string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.artifact[digest]
}

// gatedBuilds is a workshop seen by one process.
type gatedBuilds struct {
	*gate
	world *world
}

// Artifact implements pipeline.Builds.
func (b *gatedBuilds) Artifact(ctx context.Context, revision string, log io.Writer) (*build.Artifact, error) {
	if err := b.travel(time.Second); err != nil {
		return nil, err
	}
	if f, _ := b.fate(); f == lost {
		return nil, temporaryError{}
	}
	a, err := b.world.builds.Artifact(ctx, revision, log)
	return a, errors.Join(err, b.enter())
}

// Open implements pipeline.Builds.
func (b *gatedBuilds) Open(ctx context.Context, digest string) (*build.Artifact, error) {
	if err := b.enter(); err != nil {
		return nil, err
	}
	return b.world.builds.Open(ctx, digest)
}

type temporaryError struct{}

func (temporaryError) Error() string   { return "simulated: try again" }
func (temporaryError) Temporary() bool { return true }

// gatedTarget is a target seen by one process.
type gatedTarget struct {
	target.Target
	gate   *gate
	world  *world
	memory *targettest.Memory
}

// Unwrap makes the target's capabilities visible.
func (t *gatedTarget) Unwrap() target.Target { return t.Target }

// Prepare implements target.Target.
func (t *gatedTarget) Prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	if err := t.call("prepare", o); err != nil {
		return err
	}
	return errors.Join(t.Target.Prepare(t.gate.through(t.gate.notice(ctx)), o, a), t.gate.enter())
}

// Activate implements target.Target.
func (t *gatedTarget) Activate(ctx context.Context, o target.Order) error {
	if err := t.call("activate", o); err != nil {
		return err
	}
	begin := o.Begin
	o.Begin = func(ctx context.Context, s target.Step) error {
		err := begin(ctx, s)
		t.world.permitted(t.gate.name, o, t.Name(), s, err)
		if err == nil {
			t.world.sent(t.memory, o, s)
		}
		return errors.Join(err, t.gate.enter())
	}
	return errors.Join(t.Target.Activate(t.gate.through(t.gate.notice(ctx)), o), t.gate.enter())
}

// Observe implements target.Target.
func (t *gatedTarget) Observe(ctx context.Context, o target.Order) (target.State, error) {
	if err := t.gate.enter(); err != nil {
		return target.State{}, err
	}
	if o.Number > 0 {
		t.world.ordered(delivery{t.memory, "observe", o})
	}
	state, err := t.Target.Observe(t.gate.through(t.gate.notice(ctx)), o)
	return state, errors.Join(err, t.gate.enter())
}

// call notes an order, which the network may refuse.
func (t *gatedTarget) call(what string, o target.Order) error {
	if err := t.gate.enter(); err != nil {
		return err
	}
	t.world.ordered(delivery{t.memory, what, o})
	if f, _ := t.gate.fate(); f == refused {
		return temporaryError{}
	}
	return nil
}

func (w *world) ordered(d delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d.order.Begin, d.order.Report = nil, nil
	w.orders = append(w.orders, d)
}

// sent notes what units get now, and may get once more. An order that was refused on its
// way, or for which nothing was begun, has reached none.
func (w *world) sent(m *targettest.Memory, o target.Order, s target.Step) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o.Begin, o.Report = nil, nil
	for _, unit := range s.Units {
		w.parcels = append(w.parcels, parcel{m, unit, o})
	}
}

func (w *world) permitted(who string, o target.Order, name string, s target.Step, err error) {
	answer := "yes"
	if err != nil {
		answer = err.Error()
	}
	w.note("%s asks for batch %d of %s (%s to %s, order %d): %s", who, s.Batch, strings.Join(s.Units, ","), name, o.Release.ID, o.Number, answer)
	if err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.begun = append(w.begun, batch{time.Now(), who, name, o.Intent})
	}
}

// holds are the wide holds as they are now.
func (w *world) holds() []lock.Hold {
	status, err := pipeline.Open(w.store, nil, pipelineName).Status(context.Background())
	if err != nil {
		return nil
	}
	return status.Holds
}
