// Package pipelinetest helps to test what is built on a pipeline: bots, command
// lines, dashboards, notifiers. Fake is a pipeline.Pipeline without a deployer: the
// test says what is live and under way, and reads back what was asked for.
//
//	p := pipelinetest.NewFake("payments/web")
//	p.SetLive("42-3f9a1c0", "3f9a1c0...")
//	bot := chat.New(p) // what is under test
//	bot.Say("roll back 42-3f9a1c0: checkout is broken")
//	p.Requests()       // one pipeline.Rollback
//
// The package's own tests are the simulator: it drives whole pipelines through
// random histories in virtual time and holds them to the laws.
package pipelinetest
