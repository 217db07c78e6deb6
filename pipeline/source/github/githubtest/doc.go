// Package githubtest is GitHub for tests: a server that keeps repositories with
// branches, commits, statuses, check runs and deployments, and answers for them with
// the shapes of the real REST API: pages with Link headers, ETags and 304, the headers
// of the rate limit, refusals of both limits, and errors. It sends webhooks that are
// signed as GitHub signs them.
//
//	hub := githubtest.New()
//	web := hub.Repository("acme/web")
//	first := web.Commit("main", githubtest.Commit{Message: "Say hello"})
//	web.SetCheck(first, "test", "completed", "success")
//
//	app, err := github.New(github.Config{
//		Repository: "acme/web", Branch: "main",
//		BaseURL:    githubtest.URL, Client: hub.Client(),
//	})
//
// A Server is an http.Handler, and Client speaks to it in memory, without a network:
// under testing/synctest too. For one that listens use httptest.NewServer.
//
// It keeps its state through whatever the test does to it: force-pushes, branches that
// are renamed or deleted, verdicts that flip, and faults: the next answers are errors,
// come late, or end half-way.
package githubtest
