// Command ember-s3 ships the main branch of an Ember app, which it builds with the
// app's own node and package manager. Until it is given a bucket, the site is served
// on this machine, on port 8080, by a copy of this program.
//
// REPOSITORY names the app's repository. "ember-s3 help" says how to operate it.
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path"
	"syscall"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/ember"
	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/lock/filelock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/ci"
	"github.com/muster-deploy/muster/pipeline/command"
	"github.com/muster-deploy/muster/pipeline/source/git"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/local"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		serve()
		return
	}
	dir := must(os.UserCacheDir()) + "/ember-s3"
	app := must(mirror.Open(context.Background(), mirror.Config{URL: os.Getenv("REPOSITORY"), Dir: dir + "/app.git"}))
	files := must(build.OpenDirStore(dir + "/files"))
	builder := must(ember.New(ember.Config{}))
	// What the app asks of a change before it is shipped is a script of its own.
	test := build.Command{Name: "./bin/ci", Network: true}

	os.Exit(command.Main(must(pipeline.New(pipeline.Config{
		Name:   "site",
		Source: git.New(app, "main"),
		CI:     must(ci.New(ci.Config{Trees: app, Command: test, Store: files})),
		Builds: must(build.NewWorkshop(build.WorkshopConfig{
			Dir: dir + "/workshop", Source: app, Builder: build.Detect(builder), Identity: builder.Identity(),
		})),
		Stages: []pipeline.Stage{{Name: "production", Targets: []target.Target{must(local.New(local.Config{
			Name: "site", Dir: dir + "/hosts", Command: []string{must(os.Executable()), "serve"},
			Hosts: []local.Host{{Name: "site-1", Port: 8080}},
		}))}}},
		Store: must(filelock.Open(dir + "/records")),
		Logs:  files,
	}))))
}

// serve serves the release that it was started in.
func serve() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	site := http.FileServer(http.Dir("."))
	s := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Muster-Artifact", os.Getenv("MUSTER_ARTIFACT"))
		if _, err := os.Stat("." + path.Clean("/"+r.URL.Path)); err != nil {
			r.URL.Path = "/" // The app finds its own routes.
		}
		site.ServeHTTP(w, r)
	})}
	go func() {
		<-ctx.Done()
		_ = s.Shutdown(context.Background())
	}()
	if err := s.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
