// Package elb takes instances out of the target groups of an Application or Network
// Load Balancer and puts them back: a fleet.Balancer.
//
//	b, err := elb.New(elb.Config{
//		Client: elasticloadbalancingv2.NewFromConfig(cfg),
//		Groups: []string{"arn:aws:elasticloadbalancing:..."},
//	})
//
// Deregister returns when the load balancer says that the instance is no longer
// draining: its requests under way have ended, or the group's own deregistration delay
// has. Register returns when it is healthy in every group, so that requests reach it.
//
// The targets are instances, by their ids, on the group's port. What many hosts ask for
// at the same time is one call for each group, and one look at its health answers all
// who wait: a rollout over thousands asks no more often than one over ten.
//
// An instance that was terminated is in no group: it is drained.
//
// # Permissions
//
// The file policy.json beside this one, with names in the place of REGION, ACCOUNT and
// GROUP, is all that a Balancer needs; a test holds it to that.
package elb
