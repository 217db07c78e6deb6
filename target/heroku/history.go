package heroku

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"strconv"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/heroku/platform"
)

// mark is how a description ends: order, epoch, the order's digest, and whether the slug
// is not the order's, but what ran before it.
var mark = regexp.MustCompile(`\[muster (\d+)\.(\d+) (sha256:[0-9a-f]{64})(, put back)?\]$`)

// describe writes a description.
func describe(o target.Order, back bool) string {
	what, end := map[target.Intent]string{target.Backward: "Roll back to", target.Again: "Converge to"}[o.Intent], ""
	or(&what, "Deploy")
	if back {
		what, end = "Put back what ran before", ", put back"
	}
	return fmt.Sprintf("%s %.60s [muster %d.%d %s%s]", what, o.Release.ID, o.Number, o.Epoch, o.Release.Digest, end)
}

// history is what the releases say, as far back as they were read.
type history struct {
	releases []platform.Release // newest first
	current  platform.Release   // zero: none
	fence    target.Fence
	slugs    map[string]string // by digest
	live     string            // the current release's digest; empty: muster did not upload its slug
}

// history reads releases until enough says so. Nil means until it is known what is live
// and what the fence is.
func (t *Target) history(ctx context.Context, enough func(*history) bool) (*history, error) {
	if enough == nil {
		enough = (*history).whole
	}
	list, err := t.api.Releases(ctx, func(all []platform.Release) bool { return enough(t.read(all)) })
	return t.read(list), err
}

// whole says whether older releases say nothing new.
func (h *history) whole() bool { return h.live != "" && h.fence.Number > 0 }

// read makes sense of releases. An order's number may stand on several of them, and a
// lower one above a higher one, where a deployer slipped through that was overtaken.
func (t *Target) read(all []platform.Release) *history {
	h := &history{releases: all, slugs: map[string]string{}}
	t.mu.Lock()
	digests := maps.Clone(t.slugs)
	t.mu.Unlock()
	for _, r := range all {
		if r.Current {
			h.current = r
		}
		m := mark.FindStringSubmatch(r.Description)
		if m == nil {
			continue
		}
		if n, err := strconv.ParseUint(m[1], 10, 64); err == nil && n > h.fence.Number {
			h.fence = target.Fence{Number: n, Digest: m[3]}
		}
		if _, known := digests[r.Slug.ID]; m[4] == "" && !known {
			digests[r.Slug.ID] = m[3]
		}
	}
	for slug, digest := range digests {
		h.slugs[digest] = slug
	}
	h.live = digests[h.current.Slug.ID]
	return h
}

// find returns the newest release after a version that is described so.
func (h *history) find(description string, after int) *platform.Release {
	for i, r := range h.releases {
		if r.Version > after && r.Description == description {
			return &h.releases[i]
		}
	}
	return nil
}
