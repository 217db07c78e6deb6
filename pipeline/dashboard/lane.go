package dashboard

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"sync"
	"time"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
)

const (
	// gather is how long news are gathered before pages are told.
	gather = 200 * time.Millisecond
	// idle is how long a pipeline is followed after the last look at it.
	idle = time.Minute
	// readTime bounds one look at a store.
	readTime = 10 * time.Second
	// eventQueue is how many events of an engine may wait for the dashboard.
	eventQueue = 1024
)

// lane is one pipeline and what is known of it. While somebody looks, one goroutine
// follows it, for all pages and streams together; otherwise none does.
type lane struct {
	name  string
	p     pipeline.Pipeline // acts
	desk  pipeline.Pipeline // is looked at: asks neither source nor CI where it can be helped
	watch func(context.Context, int) iter.Seq[pipeline.Event]
	every time.Duration
	base  context.Context // ends with the dashboard
	news  signal          // raised with each new version
	all   *signal         // shared by all lanes
	zone  *time.Location
	stir  chan struct{} // holds one element while there is something to tell
	turn  chan struct{} // shared by all lanes: who has put an element in counts

	reading sync.Mutex // one looks at a time
	recent  tally      // guarded by reading

	mu        sync.Mutex
	v         view
	scene     scene
	stale     bool // the record has changed since it was read
	looked    time.Time
	streams   int
	following bool
	rendered  map[string]rendering
}

// view is what is known of a pipeline at one moment. It is not changed any more.
type view struct {
	version uint64
	status  pipeline.Status
	err     error     // of the last look; status is that of the one before
	read    time.Time // zero: not read yet
	bars    []bar
	recent  []pipeline.Deploy // of the last days, newest first
	counted bool              // recent is complete
	tallied uint64            // grows with each change of recent
	perDay  map[string]day    // of recent
}

func newLane(base context.Context, c Config, p pipeline.Pipeline, all *signal, turn chan struct{}) *lane {
	l := &lane{name: p.Name(), p: p, desk: p, every: c.Refresh, base: base, all: all, zone: c.Zone,
		stir: make(chan struct{}, 1), turn: turn, rendered: map[string]rendering{}}
	if e, ok := p.(interface{ Recorded() pipeline.Pipeline }); ok {
		l.desk = e.Recorded()
	}
	if e, ok := p.(interface {
		Watch(context.Context, int) iter.Seq[pipeline.Event]
	}); ok {
		l.watch = e.Watch
	}
	return l
}

// now is what is known.
func (l *lane) now() view {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.v
}

// look returns what is known, and reads it first where that is older than age.
func (l *lane) look(ctx context.Context, age time.Duration) view {
	l.touch(0)
	if v := l.now(); time.Since(v.read) > age {
		l.read(ctx, age)
	}
	return l.now()
}

// touch notes that somebody looks, and makes sure that the pipeline is followed;
// streams is the change in their number.
func (l *lane) touch(streams int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looked = time.Now()
	l.streams += streams
	if !l.following && l.base.Err() == nil {
		l.following = true
		go l.follow()
	}
}

// follow keeps what is known up to date until nobody looks any more.
func (l *lane) follow() {
	ctx, cancel := context.WithCancel(l.base)
	defer cancel()
	if l.watch != nil {
		events := l.watch(ctx, eventQueue)
		go func() {
			for e := range events {
				l.hear(e)
			}
		}()
	}
	rest(ctx, gather) // the page that made somebody look comes first
	l.read(ctx, l.every)
	l.count(ctx)
	for tick := time.NewTicker(l.every); ; {
		select {
		case <-tick.C:
			l.read(ctx, 0)
			l.count(ctx)
		case <-l.stir:
			rest(ctx, gather)
			l.settle(ctx)
		case <-ctx.Done():
		}
		if !l.wanted() {
			tick.Stop()
			return
		}
	}
}

// wanted reports whether somebody still looks; if not, follow has to end.
func (l *lane) wanted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.following = l.base.Err() == nil && (l.streams > 0 || time.Since(l.looked) < idle)
	return l.following
}

// hear takes in an event.
func (l *lane) hear(e pipeline.Event) {
	l.mu.Lock()
	l.scene.hear(e)
	if e.Kind != pipeline.EventProgress && e.Kind != pipeline.EventBuilding {
		l.stale = true
	}
	l.mu.Unlock()
	select {
	case l.stir <- struct{}{}:
	default:
	}
}

// settle tells what was heard, and reads the record again where that was of it.
func (l *lane) settle(ctx context.Context) {
	l.mu.Lock()
	stale := l.stale
	l.stale = false
	l.mu.Unlock()
	if stale {
		l.read(ctx, 0)
		l.count(ctx)
	}
	l.publish(func(*view) {})
}

// read looks at the pipeline, unless somebody else just did.
func (l *lane) read(ctx context.Context, age time.Duration) {
	l.reading.Lock()
	defer l.reading.Unlock()
	last := l.now()
	if age > 0 && time.Since(last.read) <= age {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	s, err := l.desk.Status(ctx)
	if errors.Is(err, pipeline.ErrNoPipeline) {
		s, err = neverRan(l.name), nil
	}
	if err != nil && ctx.Err() != nil && !last.read.IsZero() {
		return // who asked has left; what is known stays
	}
	l.learn(last, s, err)
}

// neverRan is the status of a pipeline of which nothing is recorded.
func neverRan(name string) pipeline.Status {
	return pipeline.Status{Name: name, At: time.Now(), Reason: pipeline.Reason{Code: pipeline.CodeUnknown, Sentence: words.NeverRan}}
}

// learn takes in what a look has found.
func (l *lane) learn(last view, s pipeline.Status, err error) {
	if err != nil {
		s = last.status
	}
	changed := last.read.IsZero() || (err == nil) != (last.err == nil) || !same(last.status, s)
	if changed && l.watch == nil && !last.read.IsZero() {
		l.mu.Lock()
		for _, e := range words.Differences(last.status, s) {
			l.scene.hear(e)
		}
		l.mu.Unlock()
	}
	if changed {
		l.publish(func(v *view) { v.status, v.err, v.read = s, err, time.Now() })
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.v.read = time.Now()
}

// publish makes a new version and tells all who wait for one.
func (l *lane) publish(change func(*view)) {
	l.mu.Lock()
	change(&l.v)
	l.v.version++
	l.v.bars = l.scene.copied()
	l.mu.Unlock()
	l.news.raise()
	l.all.raise()
}

// same reports whether two statuses say the same, but for when they were read and
// how often the lease was renewed since.
func same(a, b pipeline.Status) bool {
	for _, s := range []*pipeline.Status{&a, &b} {
		s.At = time.Time{}
		if s.Deployer != nil {
			g := *s.Deployer
			g.Renewed = 0
			s.Deployer = &g
		}
	}
	return reflect.DeepEqual(a, b)
}

// lines are those that were said after seq, and how many of them are lost.
func (l *lane) lines(seq uint64) (lines []line, lost uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.scene.since(seq)
}

// said is the number of the last line that was said.
func (l *lane) said() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.scene.seq
}

// rest waits, unless ctx ends first.
func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
