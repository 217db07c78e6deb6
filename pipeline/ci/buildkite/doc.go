// Package buildkite takes builds on Buildkite as the verdict of changes: a pipeline.CI.
//
//	checks, err := buildkite.New(buildkite.Config{
//		Organization: "acme", Pipeline: "web",
//		Token: func(context.Context) (string, error) { return os.Getenv("BUILDKITE_TOKEN"), nil },
//	})
//	...
//	engine, err := pipeline.New(pipeline.Config{CI: checks, ...})
//	hook, err := buildkite.NewWebhook(secret, engine.Wake)
//	...
//	http.Handle("POST /buildkite", hook)
//
// The newest build of a commit decides, whoever started it: a rebuild that passes makes
// a failed change good. A build that is blocked waits for a person, and so does the
// change, unless Config.Blocked says that what ran before the block is enough.
//
// The token needs the scope read_builds. All changes of a poll are asked about in one
// request, fifty at a time. Where Buildkite's limit is reached, nothing is asked until
// it begins anew, and calls return a LimitError at once. Errors of the network and
// answers of 5xx are tried three times within some seconds; it is the engine that tries
// again at its next poll.
package buildkite
