package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/ember"
	"github.com/muster-deploy/muster/build/java"
	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/build/rails"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/source/github"
	"github.com/muster-deploy/muster/target/s3target"
)

// builder makes an app's tree ready to run. Its identity changes with its settings.
type builder interface {
	build.Builder
	Identity() string
}

// apps are the three apps.
func (c *cloud) apps(ctx context.Context, files build.Store) ([]app, error) {
	r, err1 := rails.New(rails.Config{})
	j, err2 := java.New(java.Config{})
	e, err3 := ember.New(ember.Config{})
	staging, err4 := c.fleet("rails-pre-production", "RAILS_PRE_", railsHost)
	web, err5 := c.fleet("rails-production", "RAILS_", railsHost)
	service, err6 := c.fleet("java-production", "JAVA_", javaHost)
	site, err7 := s3target.Open(ctx, s3target.Config{Name: "bucket", Client: s3target.NewClient(c.aws), Bucket: os.Getenv("SITE_BUCKET")})
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); err != nil {
		return nil, err
	}
	one, err1 := c.app(ctx, "rails", r, files, stage("pre-production", staging), stage("production", web))
	two, err2 := c.app(ctx, "java", j, files, stage("production", service))
	three, err3 := c.app(ctx, "ember", e, files, stage("production", site))
	return []app{one, two, three}, errors.Join(err1, err2, err3)
}

// app is an app on GitHub, whose checks are its CI.
func (c *cloud) app(ctx context.Context, name string, b builder, files build.Store, stages ...pipeline.Stage) (app, error) {
	repository, err := wanted(strings.ToUpper(name))
	if err != nil {
		return app{}, err
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return app{}, err
	}
	token := func(context.Context) (string, error) { return wanted("GITHUB_TOKEN") }
	branch, err := github.New(github.Config{Repository: repository, Branch: "main", Token: token})
	if err != nil {
		return app{}, err
	}
	c.branches = append(c.branches, branch)
	code, err := mirror.Open(ctx, mirror.Config{
		URL: fmt.Sprintf("https://x-access-token:%s@github.com/%s.git", os.Getenv("GITHUB_TOKEN"), repository), // git sees it, no command line does
		Dir: dir + "/intercom/" + name + ".git",
	})
	if err != nil {
		return app{}, err
	}
	workshop, err := build.NewWorkshop(build.WorkshopConfig{
		Dir: dir + "/intercom/workshop-" + name, Source: code, Builder: b, Identity: b.Identity(), Store: files,
	})
	return app{name: "intercom/" + name, source: branch, ci: branch, builds: workshop, stages: stages}, err
}
