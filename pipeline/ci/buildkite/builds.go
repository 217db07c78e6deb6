package buildkite

import (
	"context"
	"fmt"
	"net/url"
	"regexp"

	"github.com/muster-deploy/muster/pipeline"
)

// Bounds of asking.
const (
	atOnce   = 50  // commits of one request
	perPage  = 100 // builds of one page
	maxPages = 20  // of the builds of so many commits
)

// Builds is a pipeline.CI that asks Buildkite. Its methods may be called concurrently.
type Builds struct {
	c   Config
	api *client
}

var _ pipeline.CI = (*Builds)(nil)

// New returns what asks as c describes. It asks nothing yet; the error joins all that is
// wrong with c.
func New(c Config) (*Builds, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("configure buildkite:\n%w", err)
	}
	c = c.withDefaults()
	return &Builds{c: c, api: newClient(c)}, nil
}

// build is a build as the API shows it.
type build struct {
	Number  int    `json:"number"`
	State   string `json:"state"`
	Blocked bool   `json:"blocked"`
	Commit  string `json:"commit"`
}

// validRevision is what may become part of a query.
var validRevision = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// Verdicts implements pipeline.CI.
func (b *Builds) Verdicts(ctx context.Context, revisions []string) (map[string]pipeline.Verdict, error) {
	verdicts := make(map[string]pipeline.Verdict, len(revisions))
	for len(revisions) > 0 {
		n := min(atOnce, len(revisions))
		newest, err := b.newest(ctx, revisions[:n])
		if err != nil {
			return nil, fmt.Errorf("ask Buildkite about %s/%s: %w", b.c.Organization, b.c.Pipeline, err)
		}
		for revision, one := range newest {
			if v := b.verdict(one); v != pipeline.Pending {
				verdicts[revision] = v
			}
		}
		revisions = revisions[n:]
	}
	return verdicts, nil
}

// newest returns the newest build of each revision that has one. Builds are listed from
// the newest on, so a page after which each has been met is the last to be read.
func (b *Builds) newest(ctx context.Context, revisions []string) (map[string]build, error) {
	query := url.Values{"per_page": {fmt.Sprint(perPage)}}
	asked := map[string]bool{}
	for _, revision := range revisions {
		if validRevision.MatchString(revision) {
			query.Add("commit[]", revision)
			asked[revision] = true
		}
	}
	if b.c.Branch != "" {
		query.Set("branch", b.c.Branch)
	}
	found := map[string]build{}
	for page := 1; len(found) < len(asked); page++ {
		if page > maxPages {
			return nil, fmt.Errorf("there are more than %d builds of %d commits", maxPages*perPage, len(asked))
		}
		query.Set("page", fmt.Sprint(page))
		var builds []build
		path := fmt.Sprintf("/v2/organizations/%s/pipelines/%s/builds?%s", b.c.Organization, b.c.Pipeline, query.Encode())
		if err := b.api.get(ctx, path, &builds); err != nil {
			return nil, err
		}
		for _, one := range builds {
			if last, met := found[one.Commit]; asked[one.Commit] && (!met || one.Number > last.Number) {
				found[one.Commit] = one
			}
		}
		if len(builds) < perPage {
			break
		}
	}
	return found, nil
}

// verdict is what a build says. One whose state is not known yet is not trusted.
func (b *Builds) verdict(one build) pipeline.Verdict {
	switch {
	case one.State == "blocked", one.State == "passed" && one.Blocked:
		return b.c.Blocked
	case one.State == "passed":
		return pipeline.Passed
	case one.State == "failed", one.State == "canceled":
		return pipeline.Failed
	}
	return pipeline.Pending // failing builds too: a job may be tried again
}
