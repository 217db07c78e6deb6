// Package fleet rolls releases over hosts. A Fleet is a target.Target whose units
// are hosts, each of them a target.Target of one unit.
//
//	f, err := fleet.New(fleet.Config{
//		Name:         "web",
//		Hosts:        list,              // members, asked each time
//		Canary:       1,
//		Batch:        fleet.Percent(10),
//		MinInService: fleet.Percent(80),
//		Balancer:     balancer,
//	})
//
// # How a release goes live
//
// Activate reads every host, unless Prepare has just done so (Config.Foresee), and makes
// the plan: hosts that serve the release are
// not touched (their fence is raised, and they are registered with the balancer,
// in case a deployer that died had taken them out); the rest is cut into
// batches. Then, host by host:
//
//	guard     fresh health, minimum in service, Order.Begin for the batch, the number
//	drain     Balancer.Deregister
//	activate  the host's own target: switch, restart, and its own way back
//	confirm   some healthy answers in a row that name the release
//	register  Balancer.Register
//
// # What a batch is
//
// A batch is a group of hosts of one zone that Order.Begin is asked for at once. It
// costs one write of the pipeline's record, so it is not asked per host. Batches do
// not march in lock-step, for then all wait for the slowest host of each: at most
// Config.Batch hosts are out of service at once, and as soon as one of them has ended,
// the next one starts. The first host of a batch that starts is what begins the
// batch, and the next batch is not asked for before all of this one have started. The
// canaries are a batch of their own, and each zone starts when all hosts of the one
// before it have ended. When Begin refuses, the hosts under way end as they would have;
// when a failure or the end of the context stops the order, hosts of a begun batch that
// have not started never do.
//
// # Forward, Backward, Again
//
// A deploy stops at its first failed canary and when failures (out of reach is one)
// exceed the budget. A rollback has no canary, goes Config.Wide at once, past all failures, and
// does not wait for zones. Convergence touches only hosts that differ, has no
// canary, and goes past the failures of hosts that did not serve before.
//
// A host that failed puts itself back; the fleet registers it again if it serves,
// and leaves it out of the balancer if it does not. Two releases serve side by side
// during a rollout and during its rollback.
package fleet
