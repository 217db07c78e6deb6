package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/muster-deploy/muster/target"
)

// room waits until the host may be taken out of service and says whether it may.
func (r *rollout) room(ctx context.Context, m *member) bool {
	for {
		r.settle(r.window - 1)
		if r.stopped() || r.ended(ctx) {
			return false
		}
		if r.spare(m) {
			return true
		}
		if r.under > 0 {
			r.settle(r.under - 1)
			continue
		}
		if r.o.Intent == target.Backward {
			return true // waiting would not bring more of them back
		}
		if !r.recovered(ctx, m) {
			r.stop("too few hosts in service", fmt.Errorf("%s: %w", r.shortage(m), ErrMinInService))
		}
	}
}

// spare says that enough hosts serve without this one. One that serves nobody may be taken
// at any time.
func (r *rollout) spare(m *member) bool { return !m.inService() || r.up > r.floor }

// recovered waits for RecoverLimit until enough hosts serve, nobody being under way: a host
// that missed one probe is no reason to take a good release back.
func (r *rollout) recovered(ctx context.Context, m *member) bool {
	limited, cancel := context.WithTimeout(ctx, r.f.c.RecoverLimit)
	defer cancel()
	r.tell("", "wait", "waiting for hosts to serve again, to "+r.shortage(m))
	for !r.spare(m) && !r.stopped() {
		select {
		case <-time.After(r.f.c.Interval):
		case <-limited.Done():
			return r.ended(ctx) // which is then what stopped the order
		}
		r.guard(ctx)
	}
	return true
}

// shortage says why a host may not be taken out.
func (r *rollout) shortage(m *member) string {
	return fmt.Sprintf("take out %s: %d serve, %d have to stay, out of service are %s", m.Name, r.up, r.floor, r.idle())
}

// idle names the members that are not in service, and what is wrong with them.
func (r *rollout) idle() string {
	var names []string
	for _, m := range r.members {
		if m.inService() || m.gone {
			continue
		}
		name := m.Name
		if m.last.Problem != "" {
			name += fmt.Sprintf(": %.200s", m.last.Problem)
		}
		names = append(names, name)
	}
	return some(names)
}
