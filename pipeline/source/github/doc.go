// Package github follows a branch on GitHub, or on a GitHub Enterprise server: its
// changes, what statuses and check runs say of them, and webhooks that bring news at
// once. A Branch is both the Source and the CI of a pipeline:
//
//	app, err := github.New(github.Config{
//		Repository: "acme/web",
//		Branch:     "main",
//		Token:      func(context.Context) (string, error) { return os.Getenv("GITHUB_TOKEN"), nil },
//		Required:   []string{"test", "lint"},
//	})
//	...
//	engine, err := pipeline.New(pipeline.Config{Source: app, CI: app, ...})
//	hooks, err := github.NewWebhooks(github.WebhookConfig{Secrets: []string{secret}})
//	...
//	hooks.Add(app, engine.Wake)
//	http.Handle("POST /github", hooks)
//
// The token needs to read contents, commit statuses and checks; for Deployments it
// needs to write deployments too.
//
// # Changes
//
// The order is that of ancestry: the branch's head, its first parent, and so on, back
// to what is live. A list that may lack a change is an error, never an answer. What a
// force-push left behind is ErrNotOnBranch, as pipeline.Source asks. A branch that was
// deleted or renamed is ErrNoBranch: nobody follows a branch to a new name unasked.
//
// # Verdicts
//
// With names in Required, a change has passed when each of them has passed, and has
// failed when one of them has failed. Without, all statuses and check runs that there
// are have to pass, and at least one: GitHub does not say how many will come, so where
// CI reports in several steps, name the ones that count. Neutral and skipped runs have
// passed; one that was cancelled, timed out or went stale has failed.
//
// A verdict may change later. A change that is being deployed is asked about before
// every step, what is live every Config.Recheck.
//
// # Requests
//
// Requests are conditional where GitHub gives an ETag, and an answer of 304 costs
// nothing of the token's budget. A poll of a pipeline whose newest change is live and
// has passed makes one request: for the branch's head. While a verdict is open, or the
// newest change has failed and may be run again, it makes three. A passed verdict of
// what is live is asked for every Recheck, which is two more.
//
// Where the token's budget is used up, or GitHub asks for a pause, nothing is asked
// until it ends: calls return a LimitError at once. Errors of the network and answers of
// 5xx or that end half-way are tried three times within some seconds, no more: it is
// the engine that tries again at its next poll.
package github
