package elb

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// perCall is how many targets are named in one call.
const perCall = 100

// gatherer makes one call of what many hosts ask for at about the same time.
type gatherer struct {
	c    *Config
	send func(context.Context, []types.TargetDescription) error

	mu   sync.Mutex
	open *gathering
}

// gathering is a call that is about to be made.
type gathering struct {
	ids  []string
	done chan struct{} // closed when errs is set
	errs map[string]error
}

// ask returns once the call has been made in which id is named.
func (g *gatherer) ask(ctx context.Context, id string) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	g.mu.Lock()
	now := g.open
	if now == nil || len(now.ids) == perCall {
		now = &gathering{done: make(chan struct{}), errs: map[string]error{}}
		g.open = now
		go g.run(now)
	}
	now.ids = append(now.ids, id)
	g.mu.Unlock()
	select {
	case <-now.done:
		return now.errs[id]
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run makes the call when the time has come.
func (g *gatherer) run(now *gathering) {
	time.Sleep(g.c.Gather)
	g.mu.Lock()
	if g.open == now {
		g.open = nil
	}
	g.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), lookLimit)
	defer cancel()
	g.call(ctx, now, now.ids)
	close(now.done)
}

// call names all targets at once. If one of them spoils it for the others, as one that was
// terminated does, it is looked for by halves.
func (g *gatherer) call(ctx context.Context, now *gathering, ids []string) {
	targets := make([]types.TargetDescription, 0, len(ids))
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		targets = append(targets, types.TargetDescription{Id: &id})
	}
	err := g.c.Calls.Do(ctx, func(ctx context.Context) error { return g.send(ctx, targets) })
	if err == nil {
		return
	}
	var invalid *types.InvalidTargetException
	if len(targets) == 1 || !errors.As(err, &invalid) {
		for _, id := range ids {
			now.errs[id] = err
		}
		return
	}
	half := len(ids) / 2
	g.call(ctx, now, ids[:half])
	g.call(ctx, now, ids[half:])
}
