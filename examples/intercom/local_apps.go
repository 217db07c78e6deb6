package main

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/command"
	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/ci"
	"github.com/muster-deploy/muster/pipeline/source/git"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/s3target"
)

// apps sets up the stand-ins for the three apps, with their repositories and places.
func (l *onThisMachine) apps(ctx context.Context, files build.Store) ([]app, error) {
	staging, err1 := l.fleet("rails pre-production", 1)
	rails, err2 := l.fleet("rails production", 3)
	java, err3 := l.fleet("java production", 2)
	bucket := &s3test.Bucket{Name: "ember"}
	site, err4 := s3target.New(s3target.Config{Name: "bucket", Client: bucket, Bucket: bucket.Name})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	l.sites["ember"] = website{bucket}
	binary := command.Config{Run: []build.Command{goTool("build", "-ldflags=-s -w", "-o", "out/app", ".")}, Output: "out"}
	pages := command.Config{Run: []build.Command{goTool("run", ".")}, Output: "dist", Classes: []command.Classify{
		{Pattern: "assets/*", Class: build.Hashed}, {Pattern: "index.html", Class: build.Entry},
	}}
	one, err1 := l.app(ctx, "rails", webApp, binary, files, stage("pre-production", staging), stage("production", rails))
	two, err2 := l.app(ctx, "java", webApp, binary, files, stage("production", java))
	three, err3 := l.app(ctx, "ember", emberApp, pages, files, stage("production", site))
	return []app{one, two, three}, errors.Join(err1, err2, err3)
}

func stage(name string, t target.Target) pipeline.Stage {
	return pipeline.Stage{Name: name, Targets: []target.Target{t}}
}

// app makes the repository of an app with its first change, and all that ships it.
func (l *onThisMachine) app(ctx context.Context, name, source string, how command.Config, files build.Store, stages ...pipeline.Stage) (app, error) {
	r, err := newRepository(ctx, l.path(name), name, strings.ReplaceAll(source, "NAME", name))
	if err != nil {
		return app{}, err
	}
	l.repositories = append(l.repositories, r)
	code, err := mirror.Open(ctx, mirror.Config{URL: r.dir, Dir: l.path(name + ".git")})
	if err != nil {
		return app{}, err
	}
	checks, err1 := ci.New(ci.Config{Trees: code, Command: goTool("vet", "."), Runner: offline, Store: files, Name: name})
	builder, err2 := command.New(how)
	if err := errors.Join(err1, err2); err != nil {
		return app{}, err
	}
	l.checks = append(l.checks, checks)
	workshop, err := build.NewWorkshop(build.WorkshopConfig{
		Dir: l.path("workshop-" + name), Source: code, Builder: builder, Runner: offline, Identity: "go 1",
	})
	return app{name: "intercom/" + name, source: git.New(code, "main"), ci: checks, builds: workshop, stages: stages}, err
}

func goTool(args ...string) build.Command { return build.Command{Name: "go", Args: args} }

// offline runs the go command without the network and without the settings of whoever
// runs this.
var offline = &build.Local{
	Allow: []string{"GOCACHE", "GOPATH", "GOROOT", "XDG_CACHE_HOME"},
	Env:   map[string]string{"GOTOOLCHAIN": "local", "GOPROXY": "off", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"},
}

var _ http.Handler = website{} // what S3's own website does elsewhere
