// Command ember-s3 ships the main branch of an Ember app, which it builds with the
// app's own node and package manager, to an S3 bucket. Leases, holds, the record, logs
// and artifacts stand in another one, so that it may run on any number of machines: one
// of them acts.
//
// REPOSITORY names the app's repository, BUCKET the site's bucket and DEPLOYS_BUCKET the
// other one, which is not for the public; credentials and region come from where the AWS
// command line finds them, too. "ember-s3 help" says how to operate it: run, hold,
// rollback, resume.
//
// On this machine, with a server that the script beside this file starts:
//
//	REPOSITORY=$HOME/app bash examples/ember-s3/local run
//
// The whole story, on an app of Ember's own blueprint and the server of the set-up (a
// first deploy, a hold, a rollback, a resume, each seen by a browser):
//
//	bash .ci/setup ember chromium s3 && go test -tags integration -v ./examples/ember-s3
//
// On AWS nothing but the environment is another one:
//
//	REPOSITORY=git@example.com:app.git BUCKET=acme-site DEPLOYS_BUCKET=acme-deploys \
//		AWS_REGION=eu-central-1 ember-s3 run
//
// DISTRIBUTION, if it is set, names the CloudFront distribution before the bucket.
package main

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/ember"
	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/build/s3store"
	"github.com/muster-deploy/muster/lock/s3lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/ci"
	"github.com/muster-deploy/muster/pipeline/command"
	"github.com/muster-deploy/muster/pipeline/source/git"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/s3target"
	"github.com/muster-deploy/muster/target/s3target/cdn"
)

func main() {
	ctx, dir := context.Background(), must(os.UserCacheDir())+"/ember-s3"
	cloud := must(config.LoadDefaultConfig(ctx))
	// A server of one's own has one name for all buckets.
	style := func(o *s3.Options) { o.UsePathStyle = os.Getenv("AWS_ENDPOINT_URL") != "" }
	// The public sees nothing of how it is deployed.
	private := os.Getenv("DEPLOYS_BUCKET")

	app := must(mirror.Open(ctx, mirror.Config{URL: os.Getenv("REPOSITORY"), Dir: dir + "/app.git"}))
	files := must(s3store.New(s3store.Config{Client: s3.NewFromConfig(cloud, style), Bucket: private, Prefix: "files/"}))
	builder := must(ember.New(ember.Config{}))
	site := s3target.Config{Name: "site", Client: s3target.NewClient(cloud, style), Bucket: os.Getenv("BUCKET")}
	if id := os.Getenv("DISTRIBUTION"); id != "" {
		site.Invalidator = &cdn.Distribution{Client: cloudfront.NewFromConfig(cloud), ID: id}
	}

	os.Exit(command.Main(must(pipeline.New(pipeline.Config{
		Name:   "site",
		Source: git.New(app, "main"),
		// What the app asks of a change before it is shipped is a script of its own.
		CI: must(ci.New(ci.Config{Trees: app, Command: build.Command{Name: "./bin/ci", Network: true}, Store: files})),
		Builds: must(build.NewWorkshop(build.WorkshopConfig{
			Dir: dir + "/workshop", Source: app, Builder: build.Detect(builder), Identity: builder.Identity(), Store: files,
		})),
		Stages: []pipeline.Stage{{Name: "production", Targets: []target.Target{must(s3target.Open(ctx, site))}}},
		// Leases have a client of their own: an upload must not delay them.
		Store: must(s3lock.Open(ctx, s3lock.Config{Client: s3lock.NewClient(cloud, style), Bucket: private, Prefix: "records/"})),
		Logs:  files,
		Poll:  poll,
	}))))
}

// poll is how often the repository is asked.
const poll = 5 * time.Second

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
