package boot

import (
	"context"
	"fmt"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// Propose has instances whose tag muster-boot is "candidate" boot into a release that is
// in flight, which Publish has shown. All others go on to follow what is declared. The last
// one who proposes is heard.
//
// Such an instance is fenced by number 1: it is nobody's member, and lives for one release.
func (p *Pointer) Propose(ctx context.Context, r target.Release) error {
	if err := build.CheckDigest(r.Digest); err != nil {
		return fmt.Errorf("propose %s: %w", r.ID, err)
	}
	err := p.swap(ctx, candidate, Declared{1, r.Digest, r.ID}, func(now Declared) (bool, error) {
		return now.Digest == r.Digest, nil
	})
	if err != nil {
		return fmt.Errorf("propose %s: %w", r.ID, err)
	}
	return nil
}

// Proposed returns what was proposed last.
func (p *Pointer) Proposed(ctx context.Context) (Declared, error) {
	d, _, err := p.read(ctx, candidate)
	return d, err
}
