package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

// Bounds of a list. What is further behind than that is an error.
const (
	perPage  = 100
	maxPages = 100
)

// commit is a commit as the API shows it in lists.
type commit struct {
	SHA    string `json:"sha"`
	Commit struct {
		Message string `json:"message"`
		Author  struct {
			Name string `json:"name"`
		} `json:"author"`
		Committer struct {
			Date time.Time `json:"date"`
		} `json:"committer"`
	} `json:"commit"`
	Parents []struct {
		SHA string `json:"sha"`
	} `json:"parents"`
}

// Bounds of what people wrote.
const (
	maxSubject = 500
	maxAuthor  = 200
)

// change is the commit as a pipeline knows it.
func (c commit) change() pipeline.Change {
	subject, _, _ := strings.Cut(c.Commit.Message, "\n")
	return pipeline.Change{
		Revision: c.SHA, Author: line(c.Commit.Author.Name, maxAuthor),
		Subject: line(subject, maxSubject), Time: c.Commit.Committer.Date,
	}
}

// firstParent is empty for a root.
func (c commit) firstParent() string {
	if len(c.Parents) == 0 {
		return ""
	}
	return c.Parents[0].SHA
}

// newest lists the newest changes, as far as one page goes.
func (b *Branch) newest(ctx context.Context, head string) ([]pipeline.Change, error) {
	return b.page(ctx, head, perPage)
}

// page lists the first parents from a commit on, as far as one page of so many commits
// goes.
func (b *Branch) page(ctx context.Context, from string, size int) ([]pipeline.Change, error) {
	var line []commit
	_, err := b.api.get(ctx, fmt.Sprintf("/commits?sha=%s&per_page=%d", from, size), func(body []byte) error {
		var commits []commit
		if err := decode(body, &commits); err != nil {
			return err
		}
		if line = firstParents(from, byID(commits)); len(line) == 0 {
			return fmt.Errorf("GitHub's answer does not hold commit %.12s", from)
		}
		return nil
	})
	return changesOf(line), err
}

// between lists the first parents from the head that descend from a commit, and then
// that commit.
func (b *Branch) between(ctx context.Context, head, to string) ([]pipeline.Change, error) {
	c, commits, err := b.compare(ctx, to, head, maxPages)
	switch {
	case errors.Is(err, errUnrelated):
		return nil, fmt.Errorf("%w: head %.12s and %.12s have no common ancestor", pipeline.ErrNotOnBranch, head, to)
	case err != nil:
		return nil, err
	case c.Status != ahead:
		return nil, fmt.Errorf("%w: head %.12s does not descend from %.12s, it is %s", pipeline.ErrNotOnBranch, head, to, c.Status)
	case c.Base.SHA != to:
		return nil, fmt.Errorf("compare %.12s with %.12s: GitHub compared %.12s", to, head, c.Base.SHA)
	}
	all := byID(commits)
	descend := descendants(to, all)
	line := firstParents(head, all)
	if i := slices.IndexFunc(line, func(c commit) bool { return !descend[c.SHA] }); i >= 0 {
		line = line[:i] // what is older came in by a merge of the branch into something else
	}
	if len(line) == 0 {
		return nil, fmt.Errorf("compare %.12s with %.12s: GitHub's answer does not lead from one to the other", to, head)
	}
	return changesOf(append(line, c.Base)), nil
}

func byID(commits []commit) map[string]commit {
	all := make(map[string]commit, len(commits))
	for _, c := range commits {
		all[c.SHA] = c
	}
	return all
}

func changesOf(commits []commit) []pipeline.Change {
	changes := make([]pipeline.Change, len(commits))
	for i, c := range commits {
		changes[i] = c.change()
	}
	return changes
}

// firstParents walks from a commit along first parents, as far as they are known. A
// commit is met once: an answer that leads in a circle ends.
func firstParents(head string, all map[string]commit) (line []commit) {
	met := map[string]bool{}
	for at := head; !met[at]; {
		c, ok := all[at]
		if !ok {
			break
		}
		met[at] = true
		line = append(line, c)
		at = c.firstParent()
	}
	return line
}

// descendants are the commits that can reach another one by parents, where all commits
// in between are known.
func descendants(of string, all map[string]commit) map[string]bool {
	children := map[string][]string{}
	for _, c := range all {
		for _, p := range c.Parents {
			children[p.SHA] = append(children[p.SHA], c.SHA)
		}
	}
	found := map[string]bool{}
	for todo := []string{of}; len(todo) > 0; {
		next := children[todo[len(todo)-1]]
		todo = todo[:len(todo)-1]
		for _, child := range next {
			if !found[child] {
				found[child] = true
				todo = append(todo, child)
			}
		}
	}
	return found
}

// What a comparison says of its second commit.
const (
	ahead = "ahead" // the first one is its ancestor
)

// errUnrelated says that two commits have no ancestor in common.
var errUnrelated = errors.New("no common ancestor")

// comparison is what GitHub says of two commits.
type comparison struct {
	Status  string   `json:"status"` // ahead, behind, diverged, identical
	Total   int      `json:"total_commits"`
	Base    commit   `json:"base_commit"`
	Commits []commit `json:"commits"`
}

// compare lists what the second commit has and the first one lacks, in so many pages
// at most.
func (b *Branch) compare(ctx context.Context, base, head string, pages int) (comparison, []commit, error) {
	path := fmt.Sprintf("/compare/%s...%s?per_page=%d", base, head, perPage)
	if pages == 1 {
		path = fmt.Sprintf("/compare/%s...%s?per_page=1", base, head)
	}
	var first comparison
	var commits []commit
	for n := 1; path != ""; n++ {
		next, err := b.api.get(ctx, path, func(body []byte) error {
			var c comparison
			if err := decode(body, &c); err != nil {
				return err
			}
			if n == 1 {
				first = c
			}
			commits = append(commits, c.Commits...)
			return nil
		})
		if err != nil {
			return first, nil, b.incomparable(ctx, base, head, err)
		}
		if path = next; n == pages {
			break
		}
	}
	if pages > 1 && len(commits) != first.Total {
		b.api.known.clear() // what was remembered may be what is not whole
		return first, nil, fmt.Errorf("compare %.12s with %.12s: GitHub listed %d of %d commits", base, head, len(commits), first.Total)
	}
	return first, commits, nil
}

// incomparable says why two commits could not be compared. GitHub answers 404 also
// where a commit that was just pushed has not reached all of its servers: that is no
// word on the branch.
func (b *Branch) incomparable(ctx context.Context, base, head string, err error) error {
	if !refusedWith(err, http.StatusNotFound, http.StatusUnprocessableEntity) {
		return err
	}
	for _, revision := range []string{base, head} {
		if gone := b.exists(ctx, revision); gone != nil {
			return gone
		}
	}
	if strings.Contains(strings.ToLower(err.Error()), errUnrelated.Error()) {
		return errUnrelated
	}
	return err
}
