package boot

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// swaps is how often a pointer is written while somebody else always comes first. As many
// can write at once, each of whom moves it once.
const swaps = 20

// swap writes d into a pointer, unless stands says that there is nothing to write. It
// begins anew where somebody else was faster, and gives up where that never ends: then
// nobody is, and the bucket refuses for another reason.
func (p *Pointer) swap(ctx context.Context, pointer string, d Declared, stands func(now Declared) (bool, error)) error {
	var refused error
	for try := range swaps {
		if err := pause(ctx, try); err != nil {
			return err
		}
		now, etag, err := p.read(ctx, pointer)
		if err != nil {
			return err
		}
		if done, err := stands(now); done || err != nil {
			return err
		}
		if refused = p.write(ctx, pointer, etag, d); refused == nil || !lost(refused) {
			return refused
		}
	}
	return fmt.Errorf("%w; this was the answer %d times, after a fresh look each time: see who else writes there all the time (one prefix is for one fleet), and whether a proxy before the bucket changes ETags or conditions",
		refused, swaps)
}

// pause waits before a try that is not the first, so that those who write at once part:
// some five seconds for all tries.
func pause(ctx context.Context, try int) error {
	if try == 0 {
		return ctx.Err()
	}
	most := min(10*time.Millisecond<<min(try, 10), 500*time.Millisecond)
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(most/2 + rand.N(most/2)):
		return nil
	}
}
