// Command rails-heroku ships the main branch of a Rails app to Heroku and to a fleet, from
// one pipeline: the artifact is built once and goes live in both places, the fleet first.
// When one of the two fails, both go back.
//
// REPOSITORY names the app's repository, HEROKU_APP the app on Heroku; HEROKU_API_KEY is a
// token that may deploy to it ("heroku authorizations:create"). The fleet here is two
// processes of this machine, at PORT and the port after it, or 8081; hosts elsewhere are
// a fleet.Fleet in the same place. "rails-heroku help" says how to operate it.
//
// The fleet wants to know which release answers. This is all that the app has to do:
//
//	# config/initializers/muster.rb
//	Rails.application.config.action_dispatch.default_headers["Muster-Artifact"] = ENV["MUSTER_ARTIFACT"]
//
// Migrations are the app's release phase on Heroku, a line "release: bundle exec rails
// db:migrate" in its Procfile, and a Hook before the stage elsewhere.
package main

import (
	"context"
	"log"
	"os"
	"strconv"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/build/rails"
	"github.com/muster-deploy/muster/lock/filelock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/ci"
	"github.com/muster-deploy/muster/pipeline/command"
	"github.com/muster-deploy/muster/pipeline/source/git"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/heroku"
	"github.com/muster-deploy/muster/target/local"
)

func main() {
	dir := must(os.UserCacheDir()) + "/rails-heroku"
	app := must(mirror.Open(context.Background(), mirror.Config{URL: os.Getenv("REPOSITORY"), Dir: dir + "/app.git"}))
	files := must(build.OpenDirStore(dir + "/files"))
	builder := must(rails.New(rails.Config{}))
	// What the app asks of a change before it is shipped is a script of its own.
	test := build.Command{Name: "./bin/ci", Network: true}

	os.Exit(command.Main(must(pipeline.New(pipeline.Config{
		Name:   "shop",
		Source: git.New(app, "main"),
		CI:     must(ci.New(ci.Config{Trees: app, Command: test, Store: files})),
		Builds: must(build.NewWorkshop(build.WorkshopConfig{
			Dir: dir + "/workshop", Source: app, Builder: build.Detect(builder), Identity: builder.Identity(), Store: files,
		})),
		Stages: []pipeline.Stage{
			{Name: "fleet", Targets: []target.Target{must(local.New(fleet(dir)))}},
			{Name: "heroku", Targets: []target.Target{must(heroku.New(heroku.Config{
				App: os.Getenv("HEROKU_APP"), API: os.Getenv("HEROKU_API_URL"), Token: token,
			}))}},
		},
		Store: must(filelock.Open(dir + "/records")),
		Logs:  files,
	}))))
}

// token is asked for with each request, so that it may come from where it changes.
func token(context.Context) (string, error) { return os.Getenv("HEROKU_API_KEY"), nil }

// fleet is two processes of this machine. They get no more of its environment than they
// need: the deployer's token is not theirs.
func fleet(dir string) local.Config {
	port, err := strconv.Atoi(os.Getenv("PORT"))
	if err != nil {
		port = 8081
	}
	return local.Config{
		Name: "web", Dir: dir + "/hosts", Command: []string{"bundle", "exec", "puma"},
		Hosts: []local.Host{{Name: "web-1", Port: port}, {Name: "web-2", Port: port + 1}},
		Env: []string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "RAILS_ENV=production",
			"SECRET_KEY_BASE=" + os.Getenv("SECRET_KEY_BASE"), "RAILS_LOG_TO_STDOUT=1",
		},
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
