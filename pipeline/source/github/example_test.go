package github_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/muster-deploy/muster/pipeline/source/github"
	"github.com/muster-deploy/muster/pipeline/source/github/githubtest"
)

// A branch is the source and the CI of a pipeline, and webhooks wake it.
func Example() {
	hub := githubtest.New() // in place of GitHub
	web := hub.Repository("acme/web")

	app, err := github.New(github.Config{
		Repository: "acme/web", Branch: "main", Required: []string{"test"},
		Token:   func(context.Context) (string, error) { return githubtest.Token, nil },
		BaseURL: githubtest.URL, Client: hub.Client(), // not set for github.com
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	hooks, err := github.NewWebhooks(github.WebhookConfig{Secrets: []string{"a secret of both sides"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	hooks.Add(app, func() { fmt.Println("woken") }) // an engine's Wake
	server := httptest.NewServer(hooks)             // in a deployer: http.Handle("POST /github", hooks)
	defer server.Close()
	web.Hook(githubtest.Hook{URL: server.URL, Secret: "a secret of both sides", Client: http.DefaultClient})

	first := web.Commit("main", githubtest.Commit{Message: "Say hello"})
	web.SetCheck(first, "test", "completed", "success")

	changes, err := app.Changes(context.Background(), "")
	fmt.Println(changes[0].Subject, "by", changes[0].Author, err)
	verdicts, err := app.Verdicts(context.Background(), []string{first})
	fmt.Println(verdicts[first], err)
	// Output:
	// woken
	// woken
	// Say hello by Ann <nil>
	// passed <nil>
}
