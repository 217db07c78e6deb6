package command

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
)

// call is one command line under way.
type call struct {
	Console
	pipelines []pipeline.Pipeline
	operands  []string
	stdin     *bufio.Reader // made by lines

	// What every command understands.
	json bool
	name string // of the pipeline; empty: not said

	mu      sync.Mutex  // guards Stderr, to which two goroutines write
	lasting atomic.Bool // the first signal hands over, rather than ends
}

// one returns the pipeline that is meant.
func (c *call) one() (pipeline.Pipeline, error) {
	switch {
	case len(c.pipelines) == 0:
		return nil, misuse("this command line was given no pipeline")
	case c.name != "":
		return c.named()
	case len(c.pipelines) > 1:
		return nil, misuse("there are %d pipelines here (%s): name one with -pipeline", len(c.pipelines), c.names())
	}
	return c.pipelines[0], nil
}

// named returns the pipeline that -pipeline names.
func (c *call) named() (pipeline.Pipeline, error) {
	for _, p := range c.pipelines {
		if p.Name() == c.name {
			return p, nil
		}
	}
	return nil, misuse("there is no pipeline %q here: there is %s", clean(c.name), c.names())
}

// all returns the pipeline that is named, or all of them.
func (c *call) all() ([]pipeline.Pipeline, error) {
	if c.name != "" || len(c.pipelines) == 0 {
		p, err := c.one()
		return []pipeline.Pipeline{p}, err
	}
	return c.pipelines, nil
}

func (c *call) names() string {
	var names []string
	for _, p := range c.pipelines {
		names = append(names, p.Name())
	}
	return strings.Join(names, ", ")
}

// able returns p as something that can do more than a pipeline that was only
// opened in its store.
func able[T any](p pipeline.Pipeline, command string) (T, error) {
	t, ok := p.(T)
	if !ok {
		return t, misuse("%q needs the deployer's own program: this one only reaches the store of %s", command, p.Name())
	}
	return t, nil
}

// answer is the JSON form of a request that was recorded.
type answer struct {
	Pipeline string           `json:"pipeline"`
	Request  string           `json:"request"`
	ID       string           `json:"id,omitempty"`
	Deploy   *pipeline.Deploy `json:"deploy,omitempty"`
}

// recorded reports that a request was recorded; the sentences are for people.
func (c *call) recorded(a answer, sentences ...string) error {
	if c.json {
		return writeJSON(c.Stdout, a)
	}
	for _, s := range sentences {
		if s != "" {
			fmt.Fprintln(c.Stdout, s)
		}
	}
	return nil
}

// outlook says what comes next for a pipeline, after something was recorded.
func (c *call) outlook(ctx context.Context, p pipeline.Pipeline) string {
	s, err := p.Status(ctx)
	if err != nil {
		return "" // what was asked for is recorded all the same
	}
	text := ""
	if !outdated(s) {
		text = say("Now: %s.", s.Reason)
	}
	if s.Deployer == nil {
		text = strings.TrimPrefix(text+say("\nNo deployer is running: \"%s settle\" does it from here.", c.Name), "\n")
	}
	return text
}

// outdated reports whether a status gives a hold as its reason that is no longer
// there: the deployer has not looked again yet.
func outdated(s pipeline.Status) bool {
	h := s.Reason.Hold
	return h != nil && !slices.ContainsFunc(s.Holds, func(o lock.Hold) bool { return o.ID == h.ID })
}
