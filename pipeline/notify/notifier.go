package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Defaults of a Config.
const (
	DefaultQueue    = 100
	DefaultPatience = time.Hour
)

// Config says who is told, and what. Receivers is required.
type Config struct {
	// Receivers are told, each by a queue of its own.
	Receivers []Receiver
	// Only are the kinds that are told. Empty: all.
	Only []Kind
	// URL returns where people can read about a pipeline, or about one deploy of it. Nil:
	// nowhere.
	URL func(pipeline, deploy string) string
	// Queue is how many messages may wait for one receiver. Zero: DefaultQueue.
	Queue int
	// Patience is how long a message is tried. Zero: DefaultPatience.
	Patience time.Duration
	// Log is told what could not be delivered. Nil: nobody.
	Log *slog.Logger
}

// Receiver is where messages go: a Slack, a Webhook, or one of your own.
type Receiver interface {
	// Send delivers one message, once. It is called by one goroutine at a time, under a
	// ctx that ends after some seconds; an error means that it is called again with the
	// same message, later, unless the error is a Refused that says otherwise. A message
	// whose answer was lost comes twice, with the same ID.
	Send(ctx context.Context, m Message) error
}

// Notifier tells receivers what changes in the pipelines that it follows. Its methods
// may be called concurrently.
type Notifier struct {
	c     Config
	boxes []*box
	stop  context.CancelFunc
	wait  sync.WaitGroup
}

// New returns the notifier that c describes, and begins to deliver what it will be
// given. The error joins all that is wrong with c.
func New(c Config) (*Notifier, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("configure notify:\n%w", err)
	}
	if c.Queue == 0 {
		c.Queue = DefaultQueue
	}
	if c.Patience == 0 {
		c.Patience = DefaultPatience
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	n := &Notifier{c: c, stop: stop}
	for _, r := range c.Receivers {
		b := newBox(r, c)
		n.boxes = append(n.boxes, b)
		n.wait.Go(func() { b.deliver(ctx) })
	}
	return n, nil
}

// validate returns all that is wrong with c, joined.
func (c Config) validate() error {
	var errs []error
	if len(c.Receivers) == 0 {
		errs = append(errs, errors.New("Receivers is empty: who is told?"))
	}
	for i, r := range c.Receivers {
		if r == nil {
			errs = append(errs, fmt.Errorf("Receivers[%d] is nil", i))
			continue
		}
		if v, ok := r.(interface{ validate() error }); ok {
			if err := v.validate(); err != nil {
				errs = append(errs, fmt.Errorf("Receivers[%d]: %w", i, err))
			}
		}
	}
	for _, k := range c.Only {
		if !slices.Contains(kinds, k) {
			errs = append(errs, fmt.Errorf("Only holds %q, which is never told", k))
		}
	}
	if c.Queue < 0 || c.Patience < 0 {
		errs = append(errs, errors.New("Queue or Patience is negative"))
	}
	return errors.Join(errs...)
}

// tell gives a message to all receivers. It never waits.
func (n *Notifier) tell(m Message) {
	if len(n.c.Only) > 0 && !slices.Contains(n.c.Only, m.Kind) {
		return
	}
	if n.c.URL != nil {
		m.URL = n.c.URL(m.Pipeline, m.Deploy)
	}
	m = m.bounded()
	for _, b := range n.boxes {
		b.put(m)
	}
}

// Close waits until all that is queued is delivered or given up, at most until ctx ends,
// and stops. The error says how many messages were not delivered.
func (n *Notifier) Close(ctx context.Context) error {
	left := 0
	for _, b := range n.boxes {
		b.close()
	}
	for _, b := range n.boxes {
		left += b.drained(ctx)
	}
	n.stop()
	n.wait.Wait()
	if left > 0 {
		return fmt.Errorf("close notifier: %d messages are not delivered", left)
	}
	return nil
}
