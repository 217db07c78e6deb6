// Package muster is the front door of a library with which a team assembles its
// own deployer. It is for platform engineers who ship many times a day and need one
// thing to hold:
//
//	The latest change that passed CI is automatically deployed to production,
//	unless the pipeline is locked or rolled back.
//
// A team writes some thirty lines of Go: where changes come from, how they are
// built, where they go. The library brings the rule, the lock, the rollback, the
// crash safety and the tools to operate it. This package holds no code: begin with
// the package pipeline.
//
// # Words
//
//   - Change: one revision on the branch, first parents only, with CI's verdict:
//     pending, passed or failed.
//   - Builder: turns a change's source tree into a tree that is ready to run.
//   - Artifact: that tree, immutable, named by the digest of its manifest: the
//     path, mode, size, checksum and class of every file.
//   - Release: an artifact given a number in one pipeline; immutable.
//   - Target: a place where releases go live: a fleet of hosts, a bucket, an app on
//     a platform.
//   - Unit: one part of a target that is switched by itself: a host, a site.
//   - Stage: targets that are activated together. Stages follow each other, as
//     production follows pre-production.
//   - Pipeline: a source, a CI, a builder, stages, and one record.
//   - Deploy: one attempt to take one change through all stages.
//   - Hold: a person's, or a calendar's, lock on a pipeline or on a scope of
//     pipelines: who, why, since and until when.
//   - Stop: the state after any rollback: automation is off and the bad range is
//     quarantined, until somebody resumes.
//   - Lease: the mutual exclusion of machines: one deployer acts for a pipeline at
//     a time.
//   - Epoch: the number of the lease's grant. It only ever grows.
//   - Order: one instruction to a target: a release, the epoch, and a number from
//     the record that grows with every instruction. Units refuse a lower one, which
//     is called fencing.
//   - Record: the durable state of a pipeline: one document, changed by
//     compare-and-swap only.
//
// # Laws
//
// Everything else may change; these stay. The law of number NN is held by the tests
// whose names begin with TestLawNN_. A patch in .ci/faults breaks it on purpose, and
// the tests have to catch that.
//
//  1. The rule. Automation deploys the newest change, by ancestry on the branch and
//     never by time, that passed CI and is not excluded. What lies between it and
//     what is live ships along in one batch.
//  2. Decided from state. The decision is made from what is, not from what was
//     announced, and made again at every transition. A webhook that was lost, a hold
//     that lasted a week, a deployer that was killed: no change is ever lost, and
//     none is deployed twice.
//  3. Never backwards. Automation never replaces a release by an ancestor of it.
//     Only a rollback does.
//  4. Three stops, never mixed. A hold is people's, a stop is a bad release's, a
//     lease is machines'. Holds are a set: lifting one, by its id, lifts no other,
//     and nothing automatic overwrites what a person wrote.
//  5. A rollback is one write. The release to go back to, the stop and the
//     quarantined commits enter the record in a single swap, before any unit is
//     touched. It names the release that it undoes, so that two people, or one who
//     asks twice, roll back once. After a crash anywhere automation stays stopped,
//     and whoever comes next finishes the rollback.
//  6. Quarantine. After a rollback automation never ships a quarantined commit
//     again. A resume names the stop and the commit from which to ship: from then on
//     only that commit and its descendants are shipped, so that no batch that holds
//     the bad commit without its fix is ever picked.
//  7. A rollback activates an older release that is still prepared. It builds
//     nothing and uploads nothing. It is allowed while held, unless the hold is on
//     everything, and goes past failures and canaries: it is the emergency exit.
//  8. Convergence is Prepare and Activate of the live release again. Both are
//     idempotent. A host that booted late, drifted or was replaced is brought back
//     by the same calls, also while automation is stopped.
//  9. One deployer, fenced. Losing the lease cancels the work. A deployer that was
//     paused and wakes up changes nothing: the record, and every unit that has seen
//     a higher number, refuse it. A unit that could not be reached is unknown until
//     it has been read. A target that cannot fence for certain says so, and the
//     status shows it.
//  10. Every deploy ends declared: live, unchanged, failed (nothing was switched),
//     rolled back, rollback failed, superseded or aborted. Kill the deployer at any
//     instruction: the next one claims, fences, observes, and then finishes.
//  11. Asked before every irreversible step. Each batch of each target begins with a
//     swap, which a hold, a stop or a verdict that turned red prevents.
//  12. Observed, not assumed. What is live is read back from every unit. One that
//     cannot be reached counts against the failure budget.
//  13. Everything explains itself. "Why is my change not live?" has an answer at any
//     moment, as a value and as a sentence: held by on-call: "db migration" until
//     17:00 UTC.
//  14. Secrets never reach a log, a command line, an artifact or the record.
//  15. Bytes are verified against the manifest at every hop, before they go live.
//
// # The house
//
// The ground floor comes first. What stands lower in this list may import what
// stands above it where the last column says so, and never the other way round.
//
//	lock        the small documents that deployers     imports nothing of ours
//	            share, the lease, the hold
//	build       revisions to artifacts                 imports nothing of ours
//	target      where releases go live                 imports build
//	pipeline    the rule, the record, the engine       imports lock, build, target
//	examples    deployers, complete                    imported by nothing
//
// Beneath each stand its implementations (lock/filelock, build/command,
// target/fleet, pipeline/source/git and others), which follow the same rule, use
// exported API only, and are meant to be copied by whoever writes his own. Each
// interface that a team may implement has a suite that tests the implementation, in
// lock/locktest, build/buildtest and target/targettest, beside fakes for the tests
// of whoever uses it; pipeline/pipelinetest has a fake pipeline and a simulator.
//
// The four packages themselves import the standard library and golang.org/x/sync,
// no more; a cloud's client is imported only by the packages for that cloud. Nothing
// but tests and packages named ...test imports testing, and nothing but tests
// imports an assertion library, so that no user of muster gets one.
//
// # Left out on purpose
//
// Filters on paths: a change that alters nothing that is shipped yields the digest
// that is live, and touches no unit. Images and container targets. Build caches
// shared between machines. Several deploys of one pipeline at the same time. Events
// that outlive the process: the history does. Deploying configuration without a
// change: this is a known gap, and today takes a commit.
package muster
