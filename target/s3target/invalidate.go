package s3target

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/muster-deploy/muster/target"
)

// patience is how long an invalidation is waited for.
const patience = 5 * time.Minute

// invalidate tells the CDN what has changed. Its failure is a warning.
func (t *Target) invalidate(ctx context.Context, o target.Order, changed []object) {
	if t.config.Invalidator == nil || len(changed) == 0 {
		return
	}
	names := make([]string, len(changed))
	for i, c := range changed {
		names[i] = c.name
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	reference := fmt.Sprintf("muster-%.12s-%d", strings.TrimPrefix(o.Release.Digest, "sha256:"), o.Number)
	t.report(o, target.Progress{Phase: "invalidate", Total: int64(len(changed)), Of: "files"})
	if err := t.config.Invalidator.Invalidate(ctx, reference, t.config.paths(names)); err != nil {
		t.report(o, target.Progress{Phase: "invalidate", Message: "the release is live, and the CDN may go on with what it has: " + err.Error()})
	}
}

// paths are those by which a CDN knows the names: a directory by its index page, too.
func (c *Config) paths(names []string) []string {
	var all []string
	for _, name := range names {
		all = append(all, "/"+escape(name))
		if dir, file := path.Split(name); file == path.Base(c.Entry) {
			all = append(all, "/"+escape(dir))
		}
		if name == c.Entry {
			all = append(all, "/")
			all = append(all, c.Fallbacks...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
