package main

import (
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/boot"
	"github.com/muster-deploy/muster/target/ec2target/elb"
	"github.com/muster-deploy/muster/target/ec2target/runcommand"
	"github.com/muster-deploy/muster/target/ec2target/s3depot"
	"github.com/muster-deploy/muster/target/ec2target/scaling"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/host/sshhost"
)

// web is the fleet: a group reached by SSM, or HOSTS by ssh.
func web(cloud aws.Config, client *s3.Client, bucket string, pointer *boot.Pointer) (*ec2target.Target, error) {
	c := ec2target.Config{
		Name: "web", Host: hosts, Boot: pointer,
		// A host that was switched has asked itself three times in a row.
		Fleet: fleet.Config{Batch: fleet.Percent(25), MinInService: fleet.Percent(50), Probes: 1},
	}
	if list := strings.Fields(os.Getenv("HOSTS")); len(list) > 0 {
		ssh := &sshhost.Hosts{Config: sshhost.Config{
			User: os.Getenv("SSH_USER"), KnownHosts: []string{os.Getenv("SSH_KNOWN_HOSTS")}, Keys: []string{os.Getenv("SSH_KEY")},
		}}
		c.Members = ec2target.IDs(list)
		c.Reach = func(i ec2target.Instance) host.Transport { return ssh.Host(i.ID) }
		return ec2target.New(c)
	}
	sender := must(runcommand.New(runcommand.Config{Client: ssm.NewFromConfig(cloud), Logs: runcommand.Logs{Bucket: bucket, Prefix: "logs"}}))
	c.Reach = func(i ec2target.Instance) host.Transport { return sender.Instance(i.ID) }
	c.Members = &scaling.Groups{Client: autoscaling.NewFromConfig(cloud), Names: []string{os.Getenv("GROUP")}}
	c.Host.Packs = &host.Packs{Depot: must(s3depot.New(s3depot.Config{
		Client: client, Presigner: s3.NewPresignClient(client), Bucket: bucket, Prefix: "packs/",
	}))}
	if arn := os.Getenv("TARGET_GROUP"); arn != "" {
		c.Balancer = must(elb.New(elb.Config{Client: elasticloadbalancingv2.NewFromConfig(cloud), Groups: []string{arn}}))
	}
	return ec2target.New(c)
}
