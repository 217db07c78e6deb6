package githubtest

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Repository is a repository of a server. Its methods may be called concurrently; what
// they change is told to its hooks before they return.
type Repository struct {
	server *Server
	id     int64
	name   string // owner/name

	commits     map[string]*commit
	branches    map[string]string // the heads
	renamed     map[string]string // branches, by their old names
	statuses    map[string][]status
	runs        map[string][]run
	deployments []*deployment
	hooks       []Hook
	deliveries  []Delivery
}

// Commit is what a commit is made of.
type Commit struct {
	// Message is its message. Zero: "Change something".
	Message string
	// Author is the author's and the committer's name. Zero: "Ann".
	Author string
	// Date is what the committer's clock said. Zero: now.
	Date time.Time
}

// commit is a commit that was made.
type commit struct {
	Commit
	sha     string
	parents []string
}

// Repository returns the repository of that name ("acme/web"), and makes it if there
// is none. A new one is empty.
func (s *Server) Repository(name string) *Repository {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.repositories {
		if r.name == name {
			return r
		}
	}
	r := &Repository{
		server: s, id: s.id(), name: name, commits: map[string]*commit{}, branches: map[string]string{},
		renamed: map[string]string{}, statuses: map[string][]status{}, runs: map[string][]run{},
	}
	s.repositories = append(s.repositories, r)
	return r
}

// lock locks the server and returns what unlocks it and tells the hooks.
func (r *Repository) lock() (unlock func()) {
	r.server.mu.Lock()
	before := len(r.deliveries)
	return func() {
		todo, hooks := slices.Clone(r.deliveries[before:]), slices.Clone(r.hooks)
		r.server.mu.Unlock()
		for _, d := range todo {
			d.send(hooks)
		}
	}
}

// Commit commits on a branch, which is made if there is none, pushes it, and returns
// the commit's id.
func (r *Repository) Commit(branch string, c Commit) string {
	defer r.lock()()
	return r.push(branch, c, r.heads(branch)...)
}

// Merge merges another commit, or the head of another branch, into a branch.
func (r *Repository) Merge(branch, other string, c Commit) string {
	defer r.lock()()
	if head, ok := r.branches[other]; ok {
		other = head
	}
	return r.push(branch, c, append(r.heads(branch), other)...)
}

// Push makes a commit the head of a branch, whatever the branch was: a force-push
// where it is no descendant.
func (r *Repository) Push(branch, sha string) {
	defer r.lock()()
	if r.commits[sha] == nil {
		panic("githubtest: there is no commit " + sha)
	}
	before := r.branches[branch]
	r.branches[branch] = sha
	r.tellPush(branch, before)
}

// DeleteBranch deletes a branch. Its commits stay.
func (r *Repository) DeleteBranch(branch string) {
	defer r.lock()()
	before := r.branches[branch]
	delete(r.branches, branch)
	r.tellPush(branch, before)
}

// RenameBranch gives a branch another name. As on GitHub the old name is gone from its
// refs, and redirected where branches are asked for.
func (r *Repository) RenameBranch(from, to string) {
	defer r.lock()()
	r.branches[to] = r.branches[from]
	delete(r.branches, from)
	r.renamed[from] = to
	r.tellPush(to, "")
}

// Lose forgets a commit, as GitHub may do with one that no branch holds.
func (r *Repository) Lose(sha string) {
	defer r.lock()()
	delete(r.commits, sha)
}

// Rename gives the repository another name; the old one is redirected.
func (r *Repository) Rename(name string) {
	defer r.lock()()
	r.renamed["repository "+r.name] = name
	r.name = name
}

// Head is the head of a branch; empty when there is none.
func (r *Repository) Head(branch string) string {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return r.branches[branch]
}

// heads are the head of a branch, or nothing.
func (r *Repository) heads(branch string) []string {
	if head, ok := r.branches[branch]; ok {
		return []string{head}
	}
	return nil
}

// push makes a commit the head of a branch.
func (r *Repository) push(branch string, c Commit, parents ...string) string {
	before := r.branches[branch]
	made := r.make(c, parents...)
	r.branches[branch] = made
	r.tellPush(branch, before)
	return made
}

func (r *Repository) make(c Commit, parents ...string) string {
	if c.Message == "" {
		c.Message = "Change something"
	}
	if c.Author == "" {
		c.Author = "Ann"
	}
	if c.Date.IsZero() {
		c.Date = time.Now()
	}
	sum := sha1.Sum(fmt.Appendf(nil, "%s %d %s %s", r.name, len(r.commits), strings.Join(parents, " "), c.Message))
	sha := hex.EncodeToString(sum[:])
	r.commits[sha] = &commit{Commit: c, sha: sha, parents: parents}
	return sha
}

// reachable are the commits that can be reached from one by parents, itself included.
func (r *Repository) reachable(from string) map[string]bool {
	found := map[string]bool{}
	for todo := []string{from}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if c := r.commits[at]; c != nil && !found[at] {
			found[at] = true
			todo = append(todo, c.parents...)
		}
	}
	return found
}

// log lists commits as git does: from a head, the one with the latest date first among
// those whose child was listed.
func (r *Repository) log(from string, only map[string]bool) []*commit {
	var listed, frontier []*commit
	met := map[string]bool{}
	meet := func(sha string) {
		if c := r.commits[sha]; c != nil && !met[sha] && only[sha] {
			met[sha] = true
			frontier = append(frontier, c)
		}
	}
	for meet(from); len(frontier) > 0; {
		latest := 0
		for i, c := range frontier {
			if c.Date.After(frontier[latest].Date) {
				latest = i
			}
		}
		c := frontier[latest]
		frontier = slices.Delete(frontier, latest, latest+1)
		listed = append(listed, c)
		for _, p := range c.parents {
			meet(p)
		}
	}
	return listed
}

// resolve finds a commit by its id or by a branch's name.
func (r *Repository) resolve(ref string) *commit {
	if sha, ok := r.branches[strings.TrimPrefix(ref, "heads/")]; ok {
		ref = sha
	}
	return r.commits[ref]
}
