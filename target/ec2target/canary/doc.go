// Package canary boots one fresh instance into a release before its stage is done: what
// only new instances run, their image, user data and role, is tried by one that serves
// nobody.
//
//	cold, err := canary.New(canary.Config{
//		Client: autoscaling.NewFromConfig(cfg), Group: "shop-canary", Pointer: pointer,
//		Reach: func(i ec2target.Instance) host.Transport { return sender.Instance(i.ID) }, Host: hosts,
//	})
//	production := pipeline.Stage{
//		Verify: []pipeline.Check{{Name: "cold boot", Run: func(ctx context.Context, s pipeline.Subject) (pipeline.Outcome, string) {
//			verdict, why := cold.Look(ctx, s.Release)
//			return pipeline.Outcome(verdict), why
//		}}}, ...
//	}
//
// # The group
//
// The instance is the only one of an Auto Scaling group of its own, that desires none at
// rest: Min is 0 and Max is 1. The group has the launch template of the fleet, the same
// version, with no target groups and no lifecycle hook, and gives its instances the tag
// muster-boot with the value candidate, which the user data of the package boot reads:
// the template turns on that instances can read their tags (InstanceMetadataTags). It
// must not have the tags by which the fleet knows its members.
//
// The fleet's own group is not touched: its capacity does not change, no process of it is
// suspended, and no policy that scales it is in the way. An instance that follows the
// declared pointer could not be this canary: that one never names a release in flight.
//
// # What happens in which order, and what if the deployer dies right there
//
//	the group is emptied                 an instance of another release, left behind, is ended; the next look goes on
//	the candidate is named               nobody boots into it yet
//	its end is scheduled                 Auto Scaling sets the desired capacity to 0 in its own time, and finds it so
//	the desired capacity is set to 1     the next deployer finds the instance and goes on with it; if none comes,
//	                                     or the deploy has ended otherwise, Auto Scaling ends the instance
//	the instance serves the release      the same
//	the desired capacity is set to 0     the next deployer, who knows of no proof, boots another one
//
// All of it is read from the group and the pointer at each look. Nothing else is kept,
// but in memory: which release is proven, and since when one is waited for.
//
// # Permissions
//
// The file policy.json beside this one, with names in the place of REGION, ACCOUNT and
// GROUP, is what the deployer needs besides those of the packages boot and runcommand; a
// test holds it to that. The instances' role is that of the fleet's instances.
package canary
