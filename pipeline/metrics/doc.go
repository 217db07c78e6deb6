// Package metrics measures pipelines through OpenTelemetry's metric API: how often they
// deploy, how long a change takes to go live, how often that fails and how soon it is
// mended, and the state of lease and queue.
//
//	m, err := metrics.New(metrics.Config{Provider: provider}) // any metric.MeterProvider
//	...
//	go m.Follow(ctx, pipeline.Open(store, logs, "web"), engine.Watch(ctx, 0))
//
// The example wires it to Prometheus.
//
// # Instruments
//
// All carry the attribute "pipeline"; no attribute is ever a deploy's id, a commit or a
// person. Times are in seconds.
//
//	muster.deploys          counter    deploys and rollbacks that ended, by "kind" (deploy, rollback)
//	                                   and "end" (live, unchanged, failed, rolled back, ...)
//	muster.deploy.duration  histogram  from the beginning to the end of a deploy or a rollback, by "kind"
//	muster.lead_time        histogram  from the commit of the newest change to its being live
//	muster.restore_time     histogram  from the beginning of a rollback to its good end
//	muster.failure_rate     gauge      the share, from 0 to 1, of the deploys of the last Config.Window
//	                                   that failed or were rolled back; as pipeline.Stats has it
//	muster.state            gauge      1, by "state": why the pipeline is or is not deploying, as a
//	                                   pipeline.Code (idle, deploying, held, stopped, pending, ...)
//	muster.deploying        gauge      1 while a deploy or a rollback is under way
//	muster.stopped          gauge      1 while automation is stopped
//	muster.holds            gauge      holds that hold now
//	muster.parked           gauge      changes that automation does not try again
//	muster.lease.held       gauge      1 where this process acts for the pipeline: the sum over all
//	                                   deployers of a pipeline is 1, or nobody deploys
//	muster.lease.claims     gauge      how often a deployer has taken the pipeline over
//	muster.queue.changes    gauge      changes that are newer than what is live
//	muster.queue.age        gauge      how long the oldest of them has waited, by its committer's clock
//	muster.units            gauge      units of a target, by "target" and "serving" (true, false)
//	muster.events.lost      counter    events that came faster than they were read; nothing that is
//	                                   measured here is missing because of them
//
// The two of the queue are there where Config.Sources names the pipeline's source.
//
// # Questions
//
// What teams ask most, in Prometheus, where names end in their unit and counters in
// "_total":
//
//	sum by (pipeline) (increase(muster_deploys_total{kind="deploy", end="live"}[1d]))
//	histogram_quantile(0.5, sum by (pipeline, le) (rate(muster_lead_time_seconds_bucket[7d])))
//	max by (pipeline) (muster_failure_rate_ratio)
//	sum by (pipeline) (muster_lease_held) != 1
//
// They are deploys a day, lead time, failure rate, and pipelines for which nobody deploys.
//
// Deploys and times are measured by the deployer that acts, so that a sum over several
// deployers counts each once. Counters begin at zero when a process starts, as is usual.
package metrics
