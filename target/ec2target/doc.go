// Package ec2target rolls releases over EC2 instances: a fleet (package fleet) of hosts
// (package host), reached by SSM Run Command or by ssh.
//
//	cloud := must(config.LoadDefaultConfig(ctx))
//	before := must(elb.New(elb.Config{Client: elasticloadbalancingv2.NewFromConfig(cloud), Groups: []string{arn}}))
//	sender := must(runcommand.New(runcommand.Config{Client: ssm.NewFromConfig(cloud)}))
//	web, err := ec2target.New(ec2target.Config{
//		Name:     "web",
//		Members:  &scaling.Groups{Client: autoscaling.NewFromConfig(cloud), Names: []string{"shop"}},
//		Reach:    func(i ec2target.Instance) host.Transport { return sender.Instance(i.ID) },
//		Host:     host.Config{Root: "/srv/shop", Restart: []string{"systemctl", "restart", "shop"}, URL: health},
//		Balancer: before,
//		Fleet:    fleet.Config{Batch: fleet.Percent(10), MinInService: fleet.Percent(80)},
//	})
//
// # The parts
//
//	runcommand   the way to an instance by SSM: one command for up to fifty
//	managed      members by tag or by id, as SSM knows them
//	scaling      members by Auto Scaling group
//	ec2hosts     members by tag, as EC2 knows them: compiles service/ec2, which takes 45 s and 3 GB
//	elb          target groups of an ALB or NLB: drain, and wait for healthy
//	boot         the pointer to the declared release, and UserData for instances that boot
//	canary       a fresh instance that has to come up before a stage is done
//	budget       how often the API may be called
//	ec2test      all of it in memory, for tests
//
// Each takes the clients of the SDK by small interfaces, and names the permissions that
// it needs in a file policy.json, which a test holds it to.
//
// # What differs from a fleet of other hosts
//
// The unit of an instance is named by its id. SSM has no input to send a release by, so
// that hosts fetch theirs: Host.Packs needs a Depot.
//
// A host's script asks the app itself, Host.Probes times in a row, before it says that a
// release is live; SSM would need seconds to carry each further question. So the fleet
// takes the script's word, unless Fleet.Check asks somebody else. What is live is read
// back by Observe, as ever.
//
// # Instances that boot during a rollout
//
// Where Config.Boot is set they come up by the pointer, which names the release before
// until the new one is declared. A deploy goes to the instances that are in service when
// it begins: one that boots meanwhile, or dies in boot, is no failure of it, and is not
// listed until the order that declares the release, or takes it back, brings it along. The
// first release of all goes to instances that boot, since there is nothing else.
package ec2target
