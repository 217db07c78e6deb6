package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/java"
	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/build/s3store"
	"github.com/muster-deploy/muster/lock/s3lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/ci"
	"github.com/muster-deploy/muster/pipeline/command"
	"github.com/muster-deploy/muster/pipeline/source/git"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/ec2target/boot"
	"github.com/muster-deploy/muster/target/host/recipe"
)

func main() {
	ctx, dir := context.Background(), must(os.UserCacheDir())+"/java-ec2"
	cloud, bucket := must(config.LoadDefaultConfig(ctx)), os.Getenv("DEPLOYS_BUCKET")
	userData := len(os.Args) == 2 && os.Args[1] == "user-data"
	if err := check(cloud, userData); err != nil {
		log.Fatalf("java-ec2, which go doc ./examples/java-ec2 explains:\n%v", err)
	}
	// A server of one's own has one name for all buckets.
	style := func(o *s3.Options) { o.UsePathStyle = os.Getenv("AWS_ENDPOINT_URL") != "" }
	client := s3.NewFromConfig(cloud, style)
	if unit := os.Getenv("UNIT"); unit != "" {
		hosts.Restart = recipe.Systemd(unit)
	}
	pointer := must(boot.New(boot.Config{Client: client, Bucket: bucket, Prefix: "boot/", Host: hosts}))
	if userData {
		fmt.Print(must(pointer.UserData(boot.Instance{Region: cloud.Region})))
		return
	}
	app := must(mirror.Open(ctx, mirror.Config{URL: os.Getenv("REPOSITORY"), Dir: dir + "/app.git"}))
	files := must(s3store.New(s3store.Config{Client: client, Bucket: bucket, Prefix: "files/"}))
	builder := must(java.New(java.Config{}))
	os.Exit(command.Main(must(pipeline.New(pipeline.Config{
		Name:   "app",
		Source: git.New(app, "main"),
		// What the app asks of a change before it is shipped is a script of its own.
		CI: must(ci.New(ci.Config{Trees: app, Command: build.Command{Name: "./bin/ci", Network: true}, Store: files})),
		Builds: must(build.NewWorkshop(build.WorkshopConfig{
			Dir: dir + "/workshop", Source: app, Builder: build.Detect(builder), Identity: builder.Identity(), Store: files,
		})),
		Stages: []pipeline.Stage{{Name: "production", Targets: []target.Target{must(web(cloud, client, bucket, pointer))}}},
		// Leases have a client of their own: an upload must not delay them.
		Store: must(s3lock.Open(ctx, s3lock.Config{Client: s3lock.NewClient(cloud, style), Bucket: bucket, Prefix: "records/"})),
		Logs:  files,
		Poll:  poll,
	}))))
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
