package pipelinetest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

var errDown = errors.New("simulated: the source and CI do not answer")

// branch is a repository with one branch, and what CI says of its changes. Nothing
// that was ever pushed is forgotten.
type branch struct {
	mu       sync.Mutex
	parent   map[string]string
	times    map[string]time.Time
	head     string
	verdicts map[string]pipeline.Verdict
	passed   map[string]time.Time // when a change first passed
	down     bool
}

func newBranch() *branch {
	return &branch{
		parent: map[string]string{}, times: map[string]time.Time{},
		verdicts: map[string]pipeline.Verdict{}, passed: map[string]time.Time{},
	}
}

// push adds a commit on top of another one and makes it the head.
func (b *branch) push(on string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	revision := fmt.Sprintf("%07d", len(b.parent)+1) + "0000000000"
	b.parent[revision], b.times[revision], b.head = on, time.Now(), revision
	return revision
}

// tip returns the head.
func (b *branch) tip() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.head
}

// back returns the n-th ancestor of the head, or its oldest one.
func (b *branch) back(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.head
	for ; n > 0 && b.parent[at] != ""; n-- {
		at = b.parent[at]
	}
	return at
}

func (b *branch) judge(revision string, v pipeline.Verdict) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.verdicts[revision] = v
	if _, before := b.passed[revision]; v == pipeline.Passed && !before {
		b.passed[revision] = time.Now()
	}
}

func (b *branch) verdict(revision string) pipeline.Verdict {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.verdicts[revision]
}

// greenSince returns when a change first passed, and whether it ever did.
func (b *branch) greenSince(revision string) (time.Time, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, ok := b.passed[revision]
	return at, ok
}

func (b *branch) fail(down bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = down
}

// descends reports whether a revision is an ancestor of another one, or the same.
func (b *branch) descends(ancestor, descendant string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for at := descendant; at != ""; at = b.parent[at] {
		if at == ancestor {
			return true
		}
	}
	return false
}

// Changes implements pipeline.Source.
func (b *branch) Changes(ctx context.Context, to string) ([]pipeline.Change, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down || ctx.Err() != nil {
		return nil, errors.Join(errDown, ctx.Err())
	}
	var all []pipeline.Change
	for at := b.head; at != ""; at = b.parent[at] {
		all = append(all, pipeline.Change{Revision: at, Subject: "change " + name(at), Time: b.times[at]})
		if at == to {
			return all, nil
		}
	}
	if to != "" {
		return nil, fmt.Errorf("list changes: %w", pipeline.ErrNotOnBranch)
	}
	return all, nil
}

// IsAncestor implements pipeline.Source.
func (b *branch) IsAncestor(_ context.Context, ancestor, descendant string) (bool, error) {
	return b.descends(ancestor, descendant), nil
}

// Verdicts implements pipeline.CI.
func (b *branch) Verdicts(ctx context.Context, revisions []string) (map[string]pipeline.Verdict, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down || ctx.Err() != nil {
		return nil, errors.Join(errDown, ctx.Err())
	}
	all := map[string]pipeline.Verdict{}
	for _, r := range revisions {
		all[r] = b.verdicts[r]
	}
	return all, nil
}

// name is a revision as the trace shows it.
func name(revision string) string {
	if revision == "" {
		return "nothing"
	}
	return "c" + trimZeros(revision[:min(7, len(revision))])
}

func trimZeros(s string) string {
	for len(s) > 1 && s[0] == '0' {
		s = s[1:]
	}
	return s
}
