// Package git lists the changes of a branch of a git repository, local or remote:
// a pipeline.Source over a build/mirror.
//
//	app, err := mirror.Open(ctx, mirror.Config{URL: "https://example.com/app.git", Dir: "/var/lib/deployer/app.git"})
//	...
//	branch := git.New(app, "main") // Config.Source of a pipeline
//
// Every call of Changes fetches first, so that what it says is the branch as it is
// now. What happens in between, a merge, a force-push, a branch that is deleted, is
// seen in the next answer.
//
// # Order
//
// The changes of a branch are its head, the head's first parent, and so on: what a
// merge brought in belongs to the merge. Only parents count: committers' clocks
// run fast, slow and backwards, and no order here depends on them.
//
// A release may leave the line of first parents without leaving the branch, when
// somebody merges the branch into his own and pushes that (a foxtrot merge): what
// was the branch is a second parent now. Changes then lists the first parents that
// descend from the release, all the same.
package git

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/pipeline"
)

// DefaultNewest is how many changes are listed when there is nothing to go back to.
const DefaultNewest = 100

// Repository is what a Source asks of a repository. A *mirror.Mirror is one; its
// errors are those that mirror documents.
type Repository interface {
	Fetch(ctx context.Context) error
	Resolve(ctx context.Context, branch string) (string, error)
	Log(ctx context.Context, head, to string) ([]mirror.Commit, error)
	IsAncestor(ctx context.Context, ancestor, descendant string) (bool, error)
}

// Source lists the changes of one branch. Its methods may be called concurrently.
type Source struct {
	repository Repository
	branch     string

	// Newest is how many changes Changes returns at most when it is not told how
	// far to go back. Zero: DefaultNewest. Set it before the first call.
	Newest int
}

var _ pipeline.Source = (*Source)(nil)

// New returns the source of a branch. It touches nothing: a branch that is not
// there is an error of Changes.
func New(r Repository, branch string) *Source {
	return &Source{repository: r, branch: branch}
}

// Changes implements pipeline.Source. It fetches first. A branch that is gone is an
// error that wraps mirror.ErrNoBranch, never an empty list; so is a repository that
// has no commit yet. History that is cut off before to is an error that wraps
// mirror.ErrShallow: a list that may lack a change is never returned.
func (s *Source) Changes(ctx context.Context, to string) ([]pipeline.Change, error) {
	commits, err := s.commits(ctx, to)
	if err != nil {
		return nil, fmt.Errorf("list changes of branch %s: %w", s.branch, err)
	}
	changes := make([]pipeline.Change, len(commits))
	for i, c := range commits {
		changes[i] = pipeline.Change{Revision: c.Revision, Author: c.Author, Subject: c.Subject, Time: c.Time}
	}
	return changes, nil
}

func (s *Source) commits(ctx context.Context, to string) ([]mirror.Commit, error) {
	if err := s.repository.Fetch(ctx); err != nil {
		return nil, err
	}
	head, err := s.repository.Resolve(ctx, s.branch)
	if err != nil {
		return nil, err
	}
	if to == "" {
		return s.newest(ctx, head)
	}
	commits, err := s.repository.Log(ctx, head, to)
	switch {
	case errors.Is(err, mirror.ErrNoRevision):
		return nil, fmt.Errorf("%w: %w", pipeline.ErrNotOnBranch, err)
	case errors.Is(err, mirror.ErrNotOnBranch):
		return s.beside(ctx, head, to)
	}
	return commits, err
}

// newest returns the first commits of the line of first parents.
func (s *Source) newest(ctx context.Context, head string) ([]mirror.Commit, error) {
	most := s.Newest
	if most <= 0 {
		most = DefaultNewest
	}
	commits, err := s.repository.Log(ctx, head, "")
	if err != nil {
		return nil, err
	}
	return commits[:min(most, len(commits))], nil
}

// beside lists the first parents that descend from a commit that is none of them,
// and then that commit. Along the line, from the head back, those that descend from
// it come first: a child of a descendant is one too.
func (s *Source) beside(ctx context.Context, head, to string) ([]mirror.Commit, error) {
	descends, err := s.repository.IsAncestor(ctx, to, head)
	if err != nil {
		return nil, err
	}
	if !descends {
		return nil, fmt.Errorf("%w: head %.12s does not descend from %.12s", pipeline.ErrNotOnBranch, head, to)
	}
	line, err := s.repository.Log(ctx, head, "")
	if err != nil {
		return nil, err
	}
	n := sort.Search(len(line), func(i int) bool {
		if err != nil {
			return true
		}
		var yes bool
		yes, err = s.repository.IsAncestor(ctx, to, line[i].Revision)
		return !yes
	})
	if err != nil {
		return nil, err
	}
	itself, err := s.repository.Log(ctx, to, to)
	if err != nil {
		return nil, err
	}
	return append(line[:n:n], itself...), nil
}

// IsAncestor implements pipeline.Source. It does not fetch: a commit that nobody
// has listed before may be unknown.
func (s *Source) IsAncestor(ctx context.Context, ancestor, descendant string) (bool, error) {
	yes, err := s.repository.IsAncestor(ctx, ancestor, descendant)
	if errors.Is(err, mirror.ErrNoRevision) {
		err = fmt.Errorf("%w: %w", pipeline.ErrNotOnBranch, err)
	}
	if err != nil {
		return false, fmt.Errorf("compare revisions of branch %s: %w", s.branch, err)
	}
	return yes, nil
}
