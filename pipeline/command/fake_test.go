package command_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/command"
	"github.com/muster-deploy/muster/target"
)

// desk is a pipeline that was only opened in its store.
type desk struct {
	name string

	mu       sync.Mutex
	status   pipeline.Status
	failing  error // of Status
	refusing error // of Do
	asked    []pipeline.Request
	deploys  []pipeline.Deploy // newest first
	logs     map[string]string
	// does changes the pipeline when something is asked; looks at each Status.
	does  func(*desk, pipeline.Request)
	looks func(d *desk, n int)
	n     int
}

func (d *desk) Name() string { return d.name }

func (d *desk) Status(context.Context) (pipeline.Status, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.n++
	if d.looks != nil {
		d.looks(d, d.n)
	}
	s := d.status
	s.Name = d.name
	return s, d.failing
}

func (d *desk) Do(_ context.Context, r pipeline.Request) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refusing != nil {
		return "", d.refusing
	}
	d.asked = append(d.asked, r)
	if d.does != nil {
		d.does(d, r)
	}
	return "req-1", nil
}

func (d *desk) Deploys(_ context.Context, before string) iter.Seq2[pipeline.Deploy, error] {
	d.mu.Lock()
	all := slices.Clone(d.deploys)
	d.mu.Unlock()
	return func(yield func(pipeline.Deploy, error) bool) {
		for _, deploy := range all {
			if before != "" {
				if deploy.ID == before {
					before = ""
				}
				continue
			}
			if !yield(deploy, nil) {
				return
			}
		}
	}
}

func (d *desk) Log(_ context.Context, id string) (io.ReadCloser, error) {
	text, ok := d.logs[id]
	if !ok {
		return nil, pipeline.ErrNoDeploy
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

// engine is a deployer.
type engine struct {
	desk
	plan    pipeline.Plan
	reasons map[string]pipeline.Reason
	events  []pipeline.Event
	works   func(ctx context.Context, e *engine) error
	adopted []string
	queue   chan pipeline.Event
}

func (e *engine) Plan(context.Context) (pipeline.Plan, error) { return e.plan, nil }

func (e *engine) Explain(_ context.Context, revision string) (pipeline.Reason, error) {
	return e.reasons[revision], nil
}

func (e *engine) Adopt(_ context.Context, revision, by string) error {
	e.adopted = append(e.adopted, revision+" "+by)
	return nil
}

func (e *engine) Run(ctx context.Context) error    { return e.work(ctx) }
func (e *engine) Settle(ctx context.Context) error { return e.work(ctx) }

func (e *engine) work(ctx context.Context) error {
	for _, event := range e.events {
		e.queue <- event
	}
	if e.works != nil {
		return e.works(ctx, e)
	}
	return nil
}

func (e *engine) Watch(ctx context.Context, _ int) iter.Seq[pipeline.Event] {
	e.queue = make(chan pipeline.Event)
	return func(yield func(pipeline.Event) bool) {
		for {
			select {
			case event := <-e.queue:
				if !yield(event) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// now is the time in these tests: a Monday afternoon in Berlin.
var berlin = func() *time.Location { return time.FixedZone("CET", 3600) }()
var now = time.Date(2026, 3, 2, 14, 40, 0, 0, berlin)

func at(clock string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", "2026-03-02 "+clock, berlin)
	if err != nil {
		panic(err)
	}
	return t
}

const (
	good = "3f9a1c0d9e5b7a6f4c3d2e1f0a9b8c7d6e5f4a3b"
	next = "77aa010d9e5b7a6f4c3d2e1f0a9b8c7d6e5f4a3b"
	fix  = "9f3c001d9e5b7a6f4c3d2e1f0a9b8c7d6e5f4a3b"
)

func release(id, revision string) target.Release {
	return target.Release{ID: id, Revision: revision, Digest: "sha256:" + revision}
}

// quiet is a pipeline on which nothing happens.
func quiet(name string) *engine {
	e := &engine{desk: desk{name: name}}
	e.status = pipeline.Status{
		At:     now,
		Epoch:  7,
		Reason: pipeline.Reason{Code: pipeline.CodeIdle, Sentence: "up to date: 3f9a1c0 is live and nothing on the branch is newer"},
		Served: []pipeline.Served{
			{Release: release("41-1111111", "1111111"), At: at("09:00:00")},
			{Release: release("42-3f9a1c0", good), At: at("14:02:00"), Batch: []string{good, "a", "b"}},
		},
		Observed: map[string]pipeline.Observed{"fleet": {At: now.Add(-5 * time.Second), Units: 12, On: 12}},
		Deployer: &lock.Grant{Holder: "deploy-1 pid 4711", Since: at("08:00:00")},
	}
	e.status.Live = &e.status.Served[1]
	return e
}

// outcome is what a command line did.
type outcome struct {
	code     int
	out, err string
}

// terminal is what a test may set of a console.
type terminal struct {
	stdin   string
	asks    bool
	width   int
	signals chan os.Signal
	env     map[string]string
	zone    *time.Location
	real    bool // the real clock, which is a virtual one in a bubble
	out     io.Writer
}

func (x terminal) run(t *testing.T, line []string, pipelines ...pipeline.Pipeline) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	console := command.Console{
		Name: "deployer", Args: line, Stdin: strings.NewReader(x.stdin), Stdout: &out, Stderr: &errs,
		Interactive: x.asks, Width: func() int { return x.width }, By: "ann@laptop",
		Getenv: func(name string) string { return x.env[name] },
		Now:    func() time.Time { return now }, Zone: berlin, Signals: x.signals,
	}
	if x.zone != nil {
		console.Zone = x.zone
	}
	if x.real {
		console.Now = time.Now
	}
	if x.out != nil {
		console.Stdout = x.out
	}
	code := command.Run(t.Context(), console, pipelines...)
	return outcome{code, out.String(), errs.String()}
}

// run runs a command line where nobody can be asked.
func run(t *testing.T, line string, pipelines ...pipeline.Pipeline) outcome {
	t.Helper()
	return terminal{}.run(t, strings.Fields(line), pipelines...)
}

// golden compares a text with the one that is kept, or keeps it with UPDATE=1.
func golden(t *testing.T, name, text string) {
	t.Helper()
	file := "testdata/" + name + ".txt"
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), text)
}

var errGone = errors.New("the store does not answer")
