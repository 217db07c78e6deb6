package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/muster-deploy/muster/pipeline"
)

// ErrNoBranch says that the branch is not there: it was deleted or renamed, the
// repository is empty, or the token may not see it.
var ErrNoBranch = errors.New("github: no such branch")

// Branch is one branch of a repository: the Source and the CI of a pipeline. Its
// methods may be called concurrently.
type Branch struct {
	c   Config
	api *client

	mu       sync.Mutex
	lists    []listing // the last ones, newest last
	base     string    // what is live, as far as is known: to where changes were asked last
	verdicts map[string]asked
}

var (
	_ pipeline.Source = (*Branch)(nil)
	_ pipeline.CI     = (*Branch)(nil)
)

// New returns the branch that c describes. It asks nothing; the error joins all that is
// wrong with c.
func New(c Config) (*Branch, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("configure github:\n%w", err)
	}
	c = c.withDefaults()
	return &Branch{c: c, api: newClient(c), verdicts: map[string]asked{}}, nil
}

// listing is an answer of Changes. Between two commits nothing ever changes.
type listing struct {
	head, to string
	changes  []pipeline.Change
}

// keepLists is how many answers are remembered: for what is live, for the commit of the
// last resume, and for nothing.
const keepLists = 4

// validRevision is the full id of a commit: nothing else becomes part of a path.
var validRevision = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// Changes implements pipeline.Source. Where the head is what it was, that is one
// conditional request. A branch that is gone is an error that wraps ErrNoBranch, never
// an empty list.
func (b *Branch) Changes(ctx context.Context, to string) ([]pipeline.Change, error) {
	changes, err := b.changes(ctx, to)
	if err != nil {
		return nil, fmt.Errorf("list changes of branch %s of %s: %w", b.c.Branch, b.c.Repository, err)
	}
	return changes, nil
}

func (b *Branch) changes(ctx context.Context, to string) ([]pipeline.Change, error) {
	if to != "" && !validRevision.MatchString(to) {
		return nil, fmt.Errorf("%w: %.40q is no commit's id", pipeline.ErrNotOnBranch, to)
	}
	head, err := b.head(ctx)
	if err != nil {
		return nil, err
	}
	if changes, ok := b.recall(head, to); ok {
		return changes, nil
	}
	var changes []pipeline.Change
	switch to {
	case "":
		changes, err = b.newest(ctx, head)
	case head:
		changes, err = b.page(ctx, head, 1)
	default:
		changes, err = b.between(ctx, head, to)
	}
	if err != nil {
		return nil, err
	}
	b.remember(listing{head: head, to: to, changes: changes})
	return changes, nil
}

// head asks where the branch is.
func (b *Branch) head(ctx context.Context) (string, error) {
	var ref struct {
		Ref    string `json:"ref"`
		Object struct {
			Type string `json:"type"`
			SHA  string `json:"sha"`
		} `json:"object"`
	}
	_, err := b.api.get(ctx, "/git/ref/heads/"+escaped(b.c.Branch), func(body []byte) error {
		if err := decode(body, &ref); err != nil {
			return err
		}
		if ref.Object.Type != "commit" || ref.Ref != "refs/heads/"+b.c.Branch || !validRevision.MatchString(ref.Object.SHA) {
			return errors.New("GitHub's answer names no commit")
		}
		return nil
	})
	if refusedWith(err, http.StatusNotFound, http.StatusConflict) {
		return "", fmt.Errorf("%w: was it deleted or renamed, or may the token not see it? %w", ErrNoBranch, err)
	}
	return ref.Object.SHA, err
}

// escaped is a branch's name as a part of a path.
func escaped(branch string) string {
	parts := strings.Split(branch, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

// recall returns the list between two commits, if it was made before.
func (b *Branch) recall(head, to string) ([]pipeline.Change, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lists {
		if l.head == head && l.to == to {
			b.setBase(to)
			return append([]pipeline.Change(nil), l.changes...), true
		}
	}
	return nil, false
}

func (b *Branch) remember(l listing) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.changes = append([]pipeline.Change(nil), l.changes...)
	b.lists = append(b.lists, l)
	b.lists = b.lists[max(0, len(b.lists)-keepLists):]
	b.setBase(l.to)
}

// setBase notes what is live. The caller holds mu.
func (b *Branch) setBase(to string) {
	if to != "" {
		b.base = to
	}
}

// IsAncestor implements pipeline.Source.
func (b *Branch) IsAncestor(ctx context.Context, ancestor, descendant string) (bool, error) {
	yes, err := b.isAncestor(ctx, ancestor, descendant)
	if err != nil {
		return false, fmt.Errorf("compare revisions of %s: %w", b.c.Repository, err)
	}
	return yes, nil
}

func (b *Branch) isAncestor(ctx context.Context, ancestor, descendant string) (bool, error) {
	for _, revision := range []string{ancestor, descendant} {
		if !validRevision.MatchString(revision) {
			return false, fmt.Errorf("%w: %.40q is no commit's id", pipeline.ErrNotOnBranch, revision)
		}
	}
	if ancestor == descendant {
		return true, b.exists(ctx, ancestor)
	}
	c, _, err := b.compare(ctx, ancestor, descendant, 1)
	if errors.Is(err, errUnrelated) {
		return false, nil
	}
	return err == nil && c.Status == ahead, err
}

// exists returns an error that wraps pipeline.ErrNotOnBranch when there is no commit of
// that id.
func (b *Branch) exists(ctx context.Context, revision string) error {
	_, err := b.api.get(ctx, "/git/commits/"+revision, func([]byte) error { return nil })
	if refusedWith(err, http.StatusNotFound, http.StatusUnprocessableEntity) {
		if _, seen := b.head(ctx); seen != nil {
			return seen // it is the repository that is out of sight
		}
		return fmt.Errorf("%w: there is no commit %.12s", pipeline.ErrNotOnBranch, revision)
	}
	return err
}
