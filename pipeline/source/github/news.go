package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// news is what a webhook says that matters here.
type news struct {
	repository string
	// branches are those that it names; a push names one, without a revision.
	branches []string
	// revision is the commit whose verdict may have changed.
	revision string
	// open says that CI has only begun: nothing can be decided yet.
	open bool
}

// payload is what is read of an event's body.
type payload struct {
	Repository struct {
		FullName string `json:"full_name"`
	} `json:"repository"`
	// Of a push.
	Ref string `json:"ref"`
	// Of a status.
	SHA      string `json:"sha"`
	State    string `json:"state"`
	Branches []struct {
		Name string `json:"name"`
	} `json:"branches"`
	CheckRun struct {
		suite
		Suite suite `json:"check_suite"`
	} `json:"check_run"`
	CheckSuite suite `json:"check_suite"`
}

type suite struct {
	HeadSHA    string `json:"head_sha"`
	HeadBranch string `json:"head_branch"`
	Status     string `json:"status"`
}

// errNoRepository says that an event does not name what it is about.
var errNoRepository = errors.New("the event names no repository")

// parse reads an event. Of kinds that nobody asked for only the repository is read.
func parse(kind string, body []byte) (news, error) {
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return news{}, fmt.Errorf("read event: %w", err)
	}
	n := news{repository: p.Repository.FullName}
	switch kind {
	case "push":
		if branch, ok := strings.CutPrefix(p.Ref, "refs/heads/"); ok {
			n.branches = []string{branch}
		}
	case "status":
		n.revision, n.open = p.SHA, p.State == "pending"
		for _, b := range p.Branches {
			n.branches = append(n.branches, b.Name)
		}
	case "check_run":
		n.revision, n.open = p.CheckRun.HeadSHA, p.CheckRun.Status != "completed"
		n.branches = []string{p.CheckRun.Suite.HeadBranch}
	case "check_suite":
		n.revision, n.open = p.CheckSuite.HeadSHA, p.CheckSuite.Status != "completed"
		n.branches = []string{p.CheckSuite.HeadBranch}
	}
	if n.repository == "" && kind != "ping" {
		return news{}, errNoRepository
	}
	return n, nil
}

// concerns reports whether there is something to decide for a branch. A verdict that
// was asked for before is asked for again.
func (n news) concerns(b *Branch) bool {
	named := slices.Contains(n.branches, b.c.Branch)
	if n.revision == "" {
		return named
	}
	asked := b.heard(n.revision)
	return !n.open && (named || asked)
}
