package githubtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// find returns the repository that a request names, or how it is refused. One that was
// renamed is redirected.
func (s *Server) find(r *http.Request) (*Repository, *reply) {
	name := r.PathValue("owner") + "/" + r.PathValue("name")
	for _, repository := range s.repositories {
		if repository.name == name {
			return repository, nil
		}
	}
	for _, repository := range s.repositories {
		if to, ok := repository.renamed["repository "+name]; ok {
			moved := refuse(http.StatusMovedPermanently, "Moved Permanently")
			if r.Method != http.MethodGet {
				moved.status = http.StatusTemporaryRedirect
			}
			moved.header = http.Header{"Location": {strings.Replace(r.URL.RequestURI(), "/repos/"+name, "/repos/"+to, 1)}}
			return nil, &moved
		}
	}
	refused := notFound()
	return nil, &refused
}

// object is a JSON object.
type object = map[string]any

func (s *Server) repository(r *http.Request) reply {
	repository, refused := s.find(r)
	if refused != nil {
		return *refused
	}
	return ok(object{"id": repository.id, "full_name": repository.name, "private": true, "default_branch": "main"})
}

func (s *Server) ref(r *http.Request) reply {
	repository, refused := s.find(r)
	if refused != nil {
		return *refused
	}
	if len(repository.commits) == 0 {
		return refuse(http.StatusConflict, "Git Repository is empty.")
	}
	branch := r.PathValue("branch")
	sha, found := repository.branches[branch]
	if !found {
		return notFound()
	}
	return ok(object{
		"ref": "refs/heads/" + branch, "node_id": "x", "url": repository.url("/git/refs/heads/" + branch),
		"object": object{"type": "commit", "sha": sha, "url": repository.url("/git/commits/" + sha)},
	})
}

func (s *Server) branch(r *http.Request) reply {
	repository, refused := s.find(r)
	if refused != nil {
		return *refused
	}
	branch := r.PathValue("branch")
	if to, renamed := repository.renamed[branch]; renamed {
		moved := refuse(http.StatusMovedPermanently, "Moved Permanently")
		moved.header = http.Header{"Location": {repository.url("/branches/" + to)}}
		return moved
	}
	sha, found := repository.branches[branch]
	if !found {
		return refuse(http.StatusNotFound, "Branch not found")
	}
	return ok(object{"name": branch, "commit": repository.show(repository.commits[sha]), "protected": false})
}

func (s *Server) gitCommit(r *http.Request) reply {
	repository, refused := s.find(r)
	if refused != nil {
		return *refused
	}
	c := repository.commits[r.PathValue("sha")]
	if c == nil {
		return notFound()
	}
	return ok(object{"sha": c.sha, "message": c.Message, "parents": parents(c)})
}

func (s *Server) commits(r *http.Request) reply {
	repository, refused := s.find(r)
	if refused != nil {
		return *refused
	}
	c := repository.resolve(r.URL.Query().Get("sha"))
	if c == nil {
		return notFound()
	}
	shown, page, last := paged(r, repository.log(c.sha, repository.reachable(c.sha)))
	all := make([]object, len(shown))
	for i, c := range shown {
		all[i] = repository.show(c)
	}
	return reply{status: http.StatusOK, what: all, page: page, lastPage: last}
}

func (s *Server) compare(r *http.Request) reply {
	repository, refused := s.find(r)
	if refused != nil {
		return *refused
	}
	from, to, cut := strings.Cut(r.PathValue("range"), "...")
	base, head := repository.resolve(from), repository.resolve(to)
	if !cut || base == nil || head == nil {
		return notFound()
	}
	inBase, inHead := repository.reachable(base.sha), repository.reachable(head.sha)
	common := 0
	missing := map[string]bool{}
	for sha := range inHead {
		if inBase[sha] {
			common++
		} else {
			missing[sha] = true
		}
	}
	if common == 0 {
		return refuse(http.StatusNotFound, "No common ancestor between %s and %s.", from, to)
	}
	list := repository.log(head.sha, missing)
	slices.Reverse(list)
	shown, page, last := paged(r, list)
	all := make([]object, len(shown))
	for i, c := range shown {
		all[i] = repository.show(c)
	}
	behind := len(inBase) - common
	answer := object{
		"url": repository.url("/compare/" + from + "..." + to), "base_commit": repository.show(base),
		"status": relation(len(list), behind), "ahead_by": len(list), "behind_by": behind, "total_commits": len(list), "commits": all,
	}
	if page == 1 {
		answer["files"] = []object{{"filename": "README.md", "status": "modified", "patch": "@@ -1 +1 @@\n-a\n+b"}}
	}
	return reply{status: http.StatusOK, what: answer, page: page, lastPage: last}
}

// relation is how GitHub calls where a head lies.
func relation(ahead, behind int) string {
	switch {
	case ahead > 0 && behind > 0:
		return "diverged"
	case ahead > 0:
		return "ahead"
	case behind > 0:
		return "behind"
	}
	return "identical"
}

// show is a commit as lists show it.
func (r *Repository) show(c *commit) object {
	person := object{"name": c.Author, "email": strings.ToLower(c.Author) + "@example.com", "date": stamp(c.Date)}
	return object{
		"sha": c.sha, "node_id": "x", "url": r.url("/commits/" + c.sha), "parents": parents(c),
		"commit": object{"message": c.Message, "author": person, "committer": person, "comment_count": 0},
	}
}

func parents(c *commit) []object {
	all := []object{}
	for _, p := range c.parents {
		all = append(all, object{"sha": p})
	}
	return all
}

func (r *Repository) url(path string) string { return fmt.Sprintf("%s/repos/%s%s", URL, r.name, path) }
