package main

import (
	"errors"
	"os"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/boot"
	"github.com/muster-deploy/muster/target/ec2target/elb"
	"github.com/muster-deploy/muster/target/ec2target/runcommand"
	"github.com/muster-deploy/muster/target/ec2target/s3depot"
	"github.com/muster-deploy/muster/target/ec2target/scaling"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/host/recipe"
)

// railsHost is an instance of the Rails app, run by the systemd unit rails.
var railsHost = host.Config{
	Root: "/srv/rails", Restart: recipe.Systemd("rails"), URL: "http://127.0.0.1:3000/",
	Shared: []string{"log/", "tmp/", "env"},
}

// javaHost is an instance of the Java service, run by the systemd unit java.
var javaHost = host.Config{
	Root: "/srv/java", Restart: recipe.Systemd("java"), URL: "http://127.0.0.1:8080/",
	Shared: []string{"log/", "env"},
}

// fleet is the Auto Scaling group that the variable GROUP of that prefix names, reached
// by SSM, behind the target group whose ARN TARGET_GROUP has, if there is one.
func (c *cloud) fleet(name, prefix string, each host.Config) (target.Target, error) {
	group, err1 := wanted(prefix + "GROUP")
	bucket, err2 := wanted("DEPLOYS_BUCKET")
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	client := s3.NewFromConfig(c.aws)
	depot, err1 := s3depot.New(s3depot.Config{Client: client, Presigner: s3.NewPresignClient(client), Bucket: bucket, Prefix: "packs/"})
	pointer, err2 := boot.New(boot.Config{Client: client, Bucket: bucket, Prefix: "boot/" + name + "/", Host: each})
	sender, err3 := runcommand.New(runcommand.Config{Client: ssm.NewFromConfig(c.aws), Logs: runcommand.Logs{Bucket: bucket, Prefix: "commands"}})
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	each.Packs = &host.Packs{Depot: depot}
	config := ec2target.Config{
		Name: name, Host: each, Boot: pointer,
		Members: &scaling.Groups{Client: autoscaling.NewFromConfig(c.aws), Names: []string{group}},
		Reach:   func(i ec2target.Instance) host.Transport { return sender.Instance(i.ID) },
		Fleet:   fleet.Config{Batch: fleet.Percent(25), MinInService: fleet.Percent(50)},
	}
	if arn := os.Getenv(prefix + "TARGET_GROUP"); arn != "" {
		before, err := elb.New(elb.Config{Client: elasticloadbalancingv2.NewFromConfig(c.aws), Groups: []string{arn}})
		if err != nil {
			return nil, err
		}
		config.Balancer = before
	}
	return ec2target.New(config)
}
