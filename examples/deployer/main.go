// Command deployer ships the main branch of a repository to two processes on this
// machine: the smallest deployer there is. "deployer help" says how to operate it.
package main

import (
	"context"
	"log"
	"os"

	"github.com/muster-deploy/muster/build"
	builder "github.com/muster-deploy/muster/build/command"
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
	dir := must(os.UserCacheDir()) + "/deployer"
	app := must(mirror.Open(context.Background(), mirror.Config{URL: os.Getenv("REPOSITORY"), Dir: dir + "/app.git"}))
	test := build.Command{Name: "go", Args: []string{"test", "./..."}, Network: true}
	compile := build.Command{Name: "go", Args: []string{"build", "-trimpath", "-o", "out/app", "."}, Network: true}
	files := must(build.OpenDirStore(dir + "/files"))

	os.Exit(command.Main(must(pipeline.New(pipeline.Config{
		Name:   "app",
		Source: git.New(app, "main"),
		CI:     must(ci.New(ci.Config{Trees: app, Command: test, Store: files})),
		Builds: must(build.NewWorkshop(build.WorkshopConfig{
			Dir: dir + "/workshop", Source: app, Identity: "go-1",
			Builder: must(builder.New(builder.Config{Run: []build.Command{compile}, Output: "out"})),
		})),
		Stages: []pipeline.Stage{{Name: "production", Targets: []target.Target{must(local.New(local.Config{
			Name: "web", Dir: dir + "/hosts", Command: []string{"./app"},
			Hosts: []local.Host{{Name: "web-1", Port: 8081}, {Name: "web-2", Port: 8082}},
		}))}}},
		Store: must(filelock.Open(dir + "/records")),
		Logs:  files,
	}))))
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
