// Command rails-ec2 ships the main branch of a Rails app to a fleet of EC2 instances,
// a few at a time, behind a load balancer. Leases, holds, the record, logs and artifacts
// stand in a bucket, so that it may run on any number of machines: one of them acts.
// "rails-ec2 help" says how to operate it.
//
// # On this machine
//
// On three hosts with an sshd each that the script beside this file starts:
//
//	REPOSITORY=$HOME/app bash examples/rails-ec2/local run
//
// # On AWS
//
// Nothing but the environment is another one:
//
//	REPOSITORY       the app's repository, by any URL that git takes
//	DEPLOYS_BUCKET   a bucket of its own, not public, in the instances' region
//	GROUP            the name of the Auto Scaling group
//	TARGET_GROUP     the ARN of the group's target group; empty: nothing stands before the instances
//	UNIT             the systemd unit of the app; empty: the process is started without one
//	ROOT             the directory of the app on the instances; empty: /srv/app
//	AWS_REGION, and credentials as the AWS command line finds them
//
// The deployer may do what policy.json says, with names in the place of BUCKET, REGION,
// ACCOUNT, TARGET_GROUP (its name), and of TAG and VALUE: a tag that the Auto Scaling
// group gives its instances. The instances' role has the managed policy
// AmazonSSMManagedInstanceCore and what instance.json says. Tests hold both to the code.
//
// The image of the instances has Ruby and SSM's agent (Amazon Linux and Ubuntu have that
// one), and in /srv/app/shared/env the app's settings and secrets: PORT=3000,
// RAILS_ENV=production, RAILS_LOG_TO_STDOUT=1, PIDFILE=pids/server.pid and
// SECRET_KEY_BASE. A health check of the target group asks that port.
//
// What "rails-ec2 user-data" prints goes into the launch template, so that instances boot
// into the release that is declared; those that were there before are shipped to as well.
//
// # By ssh
//
//	HOSTS             hosts, each with or without a port, instead of GROUP and SSM
//	SSH_USER          the user on the hosts
//	SSH_KEY           the file of the private key
//	SSH_KNOWN_HOSTS   the file with the hosts' keys
//
// # What the app brings along
//
// A release goes live without a moment in which a host does not serve: puma replaces its
// workers, for which it is a cluster by the app's config/puma.rb,
//
//	workers 2
//	prune_bundler
//	directory File.expand_path("../../../current", __dir__)
//
// and each answer names its release, by which the old workers are told from the new:
//
//	Rails.application.config.action_dispatch.default_headers["Muster-Artifact"] = "sha256:#{Rails.root.basename}"
//
// A script bin/ci of the app is what a change has to pass.
package main
