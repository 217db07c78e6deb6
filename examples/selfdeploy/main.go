// Command selfdeploy is a deployer that deploys itself: it is the app of one pipeline
// and deploys another app beside. DEPLOYER is the repository of its own program, which
// is the folder examples/selfdeploy in it, and APP that of the app, a Go program in the
// top folder. Both ship their branch main to this machine. One command puts the first
// version to work, here that of this repository itself:
//
//	DEPLOYER=$PWD APP=$HOME/app go run ./examples/selfdeploy run
//
// Once it says that the pipeline "deployer" is live, end it by Ctrl-C: the version that
// it has started acts from then on and outlives the shell. Every commit to main of either
// repository is deployed, its own by the version before. The same program operates it:
// "selfdeploy help", "selfdeploy status", and, when no version of it runs any more,
// "selfdeploy rollback -pipeline deployer" and then "selfdeploy settle".
package main

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/muster-deploy/muster/build"
	builder "github.com/muster-deploy/muster/build/command"
	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/lock/filelock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/ci"
	"github.com/muster-deploy/muster/pipeline/selfdeploy"
	"github.com/muster-deploy/muster/pipeline/source/git"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/local"
)

func main() {
	dir := must(os.UserCacheDir()) + "/selfdeploy"
	files := must(build.OpenDirStore(dir + "/files"))
	shared := pipeline.Config{
		Store: must(filelock.Open(dir + "/records")), Logs: files,
		Lease: "pipelines/all/lease", // one for both, so that one process acts for both
	}
	self := must(selfdeploy.New(selfdeploy.Config{}))

	own := ship(shared, "deployer", os.Getenv("DEPLOYER"), dir, "./examples/selfdeploy")
	own.Handover = time.Second // the batch under way waits for this process to end
	own.Stages = []pipeline.Stage{{
		Name: "hosts", Verify: []pipeline.Check{self.Check()}, Bake: time.Minute,
		Targets: []target.Target{must(local.New(local.Config{
			Name: "deployers", Dir: dir + "/deployers", Command: self.Command(), Self: true, Env: environment(),
			Hosts: []local.Host{{Name: "deployer-1", Port: 8090}}, Patience: 5 * time.Minute, Grace: time.Minute,
		}))},
	}}
	app := ship(shared, "app", os.Getenv("APP"), dir, ".")
	app.Stages = []pipeline.Stage{{Name: "production", Targets: []target.Target{must(local.New(local.Config{
		Name: "web", Dir: dir + "/web", Command: []string{"./app"},
		Hosts: []local.Host{{Name: "web-1", Port: 8091}, {Name: "web-2", Port: 8092}},
	}))}}}
	os.Exit(self.Main(must(pipeline.New(own)), must(pipeline.New(app))))
}

// ship completes the config of a pipeline that builds a Go program of a repository, and
// names it as the pipeline.
func ship(c pipeline.Config, name, repository, dir, folder string) pipeline.Config {
	trees := must(mirror.Open(context.Background(), mirror.Config{URL: repository, Dir: dir + "/" + name + ".git"}))
	vet := build.Command{Name: "go", Args: []string{"vet", folder}, Network: true}
	compile := build.Command{Name: "go", Args: []string{"build", "-buildvcs=false", "-o", "out/" + name, folder}, Network: true}
	c.Name = name
	c.Source = git.New(trees, "main")
	c.CI = must(ci.New(ci.Config{Trees: trees, Command: vet, Store: c.Logs}))
	c.Builds = must(build.NewWorkshop(build.WorkshopConfig{
		Dir: dir + "/workshop", Source: trees, Identity: "go-1 " + name,
		Builder: must(builder.New(builder.Config{Run: []build.Command{compile}, Output: "out"})),
	}))
	return c
}

// environment is what a deployer on a host has of this one's.
func environment() (env []string) {
	for _, name := range []string{"PATH", "HOME", "XDG_CACHE_HOME", "DEPLOYER", "APP"} {
		env = append(env, name+"="+os.Getenv(name))
	}
	return env
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
