// Command java-ec2 ships the main branch of a Java service, built by Maven or Gradle, to a
// fleet of EC2 instances, a few at a time, behind a load balancer. Leases, holds, the
// record, logs and artifacts stand in a bucket, so that it may run on any number of
// machines: one of them acts. "java-ec2 help" says how to operate it.
//
// # On this machine
//
// On three hosts with an sshd each that the script beside this file starts:
//
//	REPOSITORY=$HOME/app bash examples/java-ec2/local run
//
// # On AWS
//
// Nothing but the environment is another one:
//
//	REPOSITORY       the service's repository, by any URL that git takes
//	DEPLOYS_BUCKET   a bucket of its own, not public, in the instances' region
//	GROUP            the name of the Auto Scaling group
//	TARGET_GROUP     the ARN of the group's target group; empty: nothing stands before the instances
//	UNIT             the systemd unit of the service; empty: the process is started without one
//	ROOT             the directory of the service on the instances; empty: /srv/app
//	AWS_REGION, and credentials as the AWS command line finds them
//
// The deployer may do what ../rails-ec2/policy.json says, and the instances' role what
// instance.json says there: see that example. The image of the instances has Java and
// SSM's agent, and in /srv/app/shared/env the settings and secrets: PORT=8080, and what
// else the service asks its environment for. What "java-ec2 user-data" prints goes into
// the launch template, so that instances boot into the release that is declared.
//
// HOSTS, if it is set, names hosts to be reached by ssh instead, as SSH_USER,
// with the key in the file SSH_KEY; the file SSH_KNOWN_HOSTS has theirs.
//
// A script bin/ci of the service is what a change has to pass.
package main
