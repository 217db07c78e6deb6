// Package notify tells people what changed in a pipeline, in Slack or by a signed
// webhook: that it broke, was fixed, is held, was rolled back, what went live. It does
// not repeat every event.
//
//	n, err := notify.New(notify.Config{Receivers: []notify.Receiver{
//		notify.Slack{URL: os.Getenv("SLACK_WEBHOOK")},
//		notify.Webhook{URL: "https://example.com/deploys", Secret: secret},
//	}})
//	...
//	defer n.Close(ctx)
//	go n.Follow(ctx, pipeline.Open(store, logs, "web"), engine.Watch(ctx, 0))
//
// # What is lost
//
// The engine waits for nobody here. Events only say when to look: what changed is found
// by comparing the pipeline with how it was, so that no event that was missed hides it.
// What came and went between two looks, a hold of a moment, is not told.
//
// Each receiver has a queue of its own, and one that is slow or dead keeps no other
// waiting. A message is tried again, with pauses that grow, for as long as
// Config.Patience; a queue holds Config.Queue messages, and drops the oldest when it is
// full. What was dropped is counted, and the next message that arrives says so. What is
// queued when the process ends is lost: Close waits for it.
//
// # What others wrote
//
// Commit messages and reasons are somebody's text. A Message holds it as it is, on one
// line and cut: whoever shows it escapes it. Slack escapes it so that it can neither
// mention anybody nor pretend to be a link.
package notify
