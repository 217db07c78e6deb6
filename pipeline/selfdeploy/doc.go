// Package selfdeploy has a deployer deploy itself: it is the app of one of its own
// pipelines, on the hosts on which it runs.
//
//	self, err := selfdeploy.New(selfdeploy.Config{})
//	hosts, err := local.New(local.Config{Name: "deployers", Command: self.Command(), Self: true, ...})
//	own, err := pipeline.New(pipeline.Config{
//		Name: "deployer", Lease: "pipelines/all/lease", Handover: time.Second,
//		Stages: []pipeline.Stage{{
//			Name: "hosts", Targets: []target.Target{hosts},
//			Verify: []pipeline.Check{self.Check()}, Bake: 5 * time.Minute,
//		}}, ...
//	})
//	os.Exit(self.Main(own, shop, billing))
//
// # What healthy means
//
// A deployer answers its host's health check once it has, since it started, planned
// every pipeline of its process and seen each lease renewed: by itself, or, where
// another host's deployer acts and it stands by, by that one. A grant that its holder
// left behind when it was killed is renewed by nobody. Check asks for more: it is run
// by whoever acts, and lets the deploy go on once that is a process of the new
// release which has renewed the lease and plans every pipeline itself.
//
// # Who judges
//
// The version before the new one does. Command starts it as the guard of the new one,
// whose parent it is. A new version that ends by itself more often than Crashes, that is
// not healthy for Patience, or that is not declared live within Limit, is rolled back:
// the guard first writes the rollback into the record, which is one swap and needs no
// lease, then ends the new version, and then becomes the deployer in its place. When the
// lease of the dead one has run out it takes it, claims, fences and carries the
// rollback out like any other, and its host's script starts the older release in its
// own right. Automation of the deployer's pipeline is stopped then, that of all others
// goes on. One host on which a new version fails is enough, whatever the fleet's budget.
//
// It is not the new version's fault when the one before it could not plan either: a
// repository that is down rolls back nobody. Time in which a person holds the
// pipeline does not count against Limit.
//
// The host's script judges too, with local.Config.Patience. Where it is the quicker one,
// it has put the older release back before anybody has said so. That release finds a
// note of the guard's that the new one was tried on this host, and reports the
// rollback itself before it acts; else it would give the order again, for ever.
//
// # What happens in which order
//
// Version 1 acts and deploys version 2 to the host that it runs on.
//
//	it happens                                what comes of it
//	v1 gives the order                        the host's script swaps the link and has v1 ended; local.Config.Self
//	                                          leaves the script running when v1 is gone
//	v1 is told to end                         it waits Handover for the batch that waits for it, then releases the lease
//	v1 is killed, or does not end in time     the lease runs out after six fifths of its duration
//	v2 starts, the lease is free              it takes the lease, claims the record, and fences: that waits until the
//	                                          script has written that the restart is done, and stops the script
//	v2 gives the order again                  its own script finds the restart done, and only asks; v2 is not restarted
//	v2 starts, another host's v1 has the      it stands by, and is healthy; the script ends well; v1 goes on, with its
//	lease                                     own host last or whenever it is its turn
//	v2 is healthy, its Check says good        the bake begins; the guard and the Check watch all through it
//	v2 is declared live                       the guard does nothing but stand in between, until the next restart
//	v3 dies when it starts                    the guard counts, or the host's script loses patience: v2 is put back
//	v3 acquires or renews no lease            the guard loses patience; the script may do so before
//	v3 cannot plan                            the same; it may have claimed: its lease runs out, its orders are fenced
//	v3 panics in the loop                     the guard counts; its script was stopped by v3's fence
//	v3 hangs with its lease renewed           nothing is declared within Limit; the guard kills it
//	the guard is killed                       its child ends with it, the supervisor starts both again
//	the guard is killed after it has          the supervisor starts it again; it reads in the record that its own
//	recorded the rollback                     release is wanted, and takes over at once
//	v1 is killed before the link is swapped   its supervisor starts it again; it takes the lease and goes on
//	the script is killed in the restart       nobody runs, and nobody starts one on this host: another host's deployer
//	                                          or somebody by hand gives the order again
//	the host restarts                         what the host starts at boot is the guard again
//	no version runs at all                    from a laptop: rollback, and settle
//
// By hand, the same binary is the tool: "deployer rollback" records what is wanted and
// "deployer settle" takes the lease and does it. Run so, without MUSTER_ARTIFACT, it is
// nobody's guard, and Command starts the release without one: a first deploy, or one
// after which nothing else is left, has only the host's script to judge it.
//
// # What it needs
//
// The pipelines of the process share a lease and the value of their store, so that
// they are taken over together. The host's grace (local.Config.Grace) is above the
// Handover of every pipeline, or the lease has to run out each time. Patience is above
// the lease's duration. A release's record is read by the version before it: a binary
// reads the next schema too, and a new schema is written only by a release after one
// that reads it.
//
// Under systemd a restart ends whatever belongs to the service, the host's script
// included: reach the own host by ssh, or set KillMode=process. On other systems than
// Linux a guard that is killed by force leaves its child.
package selfdeploy
