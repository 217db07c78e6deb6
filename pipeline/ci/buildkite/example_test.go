package buildkite_test

import (
	"context"
	"fmt"

	"github.com/muster-deploy/muster/pipeline/ci/buildkite"
	"github.com/muster-deploy/muster/pipeline/ci/buildkite/buildkitetest"
)

func Example() {
	const commit = "3f9a1c0b6c1f4d2e8a7b9c0d1e2f3a4b5c6d7e8f"
	kite := buildkitetest.New() // in place of Buildkite
	kite.Build(commit, "main", "passed")

	checks, err := buildkite.New(buildkite.Config{
		Organization: "acme", Pipeline: "web",
		Token:   func(context.Context) (string, error) { return buildkitetest.Token, nil },
		BaseURL: buildkitetest.URL, Client: kite.Client(), // not set for buildkite.com
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	verdicts, err := checks.Verdicts(context.Background(), []string{commit}) // Config.CI of a pipeline
	fmt.Println(verdicts[commit], err)
	// Output: passed <nil>
}
