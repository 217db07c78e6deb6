package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/muster-deploy/muster/build/s3store"
	"github.com/muster-deploy/muster/lock/s3lock"
	"github.com/muster-deploy/muster/pipeline/dashboard"
	"github.com/muster-deploy/muster/pipeline/source/github"
)

// cloud is the deployer in earnest. It reads the environment:
//
//	GITHUB_TOKEN      reads the three repositories, their statuses and checks
//	WEBHOOK_SECRET    with which GitHub signs webhooks
//	RAILS, JAVA, EMBER  the repositories, as "acme/web"
//	DEPLOYS_BUCKET    leases, records, logs and artifacts
//	RAILS_PRE_GROUP, RAILS_GROUP, JAVA_GROUP  the Auto Scaling groups of the fleets
//	RAILS_TARGET_GROUP, ...  the ARNs of the target groups before them; may be missing
//	SITE_BUCKET       where the Ember app goes
//	LISTEN            where to listen; zero: 127.0.0.1:8700, behind a proxy that logs people in
//	USER_HEADER       the header in which that proxy says who asks, such as X-Forwarded-User
//	OPERATORS         who may act, separated by commas; everybody else reads
//
// and AWS's own variables.
type cloud struct {
	*deployer
	aws      aws.Config
	branches []*github.Branch
}

func newCloud(ctx context.Context) (*cloud, error) {
	c := &cloud{}
	private, err := wanted("DEPLOYS_BUCKET")
	if err != nil {
		return nil, err
	}
	if c.aws, err = config.LoadDefaultConfig(ctx); err != nil {
		return nil, fmt.Errorf("configure AWS: %w", err)
	}
	files, err1 := s3store.New(s3store.Config{Client: s3.NewFromConfig(c.aws), Bucket: private, Prefix: "files/"})
	// Leases have a client of their own: an upload must not delay them.
	store, err2 := s3lock.Open(ctx, s3lock.Config{Client: s3lock.NewClient(c.aws), Bucket: private, Prefix: "records/"})
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	apps, err := c.apps(ctx, files)
	if err != nil {
		return nil, err
	}
	c.deployer, err = newDeployer(store, files, apps, settings{})
	return c, err
}

// serve deploys, shows the dashboard and takes webhooks until ctx ends.
func (c *cloud) serve(ctx context.Context) error {
	secret, err := wanted("WEBHOOK_SECRET")
	if err != nil {
		return err
	}
	hooks, err := github.NewWebhooks(github.WebhookConfig{Secrets: []string{secret}})
	if err != nil {
		return err
	}
	for i, e := range c.engines {
		hooks.Add(c.branches[i], e.Wake)
	}
	board, err := dashboard.New(dashboard.Config{Title: "Intercom", Pipelines: c.pipelines(), Authorize: byProxy, Change: changeURL})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", board)
	mux.Handle("POST /github", hooks)
	listen := os.Getenv("LISTEN")
	if listen == "" {
		listen = "127.0.0.1:8700"
	}
	server := &http.Server{Addr: listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	server.RegisterOnShutdown(board.Close)
	return c.run(ctx, server, server.ListenAndServe)
}

// byProxy takes who asks from the proxy that has logged them in. Nothing but the proxy
// may reach the address on which this listens.
func byProxy(r *http.Request, a dashboard.Access) (dashboard.User, error) {
	name := ""
	if header := os.Getenv("USER_HEADER"); header != "" {
		name = r.Header.Get(header)
	}
	if name == "" {
		return dashboard.User{}, dashboard.ErrUnauthenticated
	}
	if a.Act && !slices.Contains(strings.Split(os.Getenv("OPERATORS"), ","), name) {
		return dashboard.User{}, fmt.Errorf("%s is not among those who may act: ask for it", name)
	}
	return dashboard.User{Name: name}, nil
}

// changeURL is where a change of an app can be read.
func changeURL(pipeline, revision string) string {
	repository := os.Getenv(strings.ToUpper(strings.TrimPrefix(pipeline, "intercom/")))
	return "https://github.com/" + repository + "/commit/" + revision
}

// wanted reads a variable of the environment that has to be there.
func wanted(name string) (string, error) {
	if v := os.Getenv(name); v != "" {
		return v, nil
	}
	return "", fmt.Errorf("%s is not set: see cloud.go for what is wanted, or try intercom -local", name)
}
