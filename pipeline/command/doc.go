// Package command is the command line that every deployer's main ends with:
//
//	func main() {
//		engine, err := pipeline.New(pipeline.Config{...})
//		if err != nil {
//			log.Fatal(err)
//		}
//		os.Exit(command.Main(engine))
//	}
//
// One binary is then the deployer ("deployer run") and the tool with which people
// operate it ("deployer status", "deployer rollback"), from any machine that reaches
// the same store. "deployer help" lists the commands. Several pipelines may be
// given; -pipeline chooses one. What pipeline.Open returns may be given as well, for
// a tool without targets: commands that need the deployer itself say so.
//
// # Exit codes
//
//	0      done
//	1      something did not work: the store, the source, a target
//	2      the command line is wrong
//	3      refused, by the pipeline or by the person who was asked; nothing was changed
//	4      it was recorded, but did not end well or did not end: a deploy that was
//	       waited for failed, settle left something open
//	128+n  ended by signal n
//
// # Signals
//
// SIGINT, SIGTERM and SIGHUP are caught before anything else happens. The first one
// hands over: the batch under way ends, the lease is released. The second one ends
// the process at once, which is safe too: the next deployer takes over when the
// lease has run out.
//
// # JSON
//
// With -json every command writes one JSON object per line to its standard output,
// and an error as one object with "error", "exit" and, where the pipeline refused,
// "refusal" to its standard error. The fields of a later version are those of this
// one and perhaps more. The objects are:
//
//	status             a pipeline.Status, one line per pipeline
//	why                "pipeline" and a pipeline.Reason
//	plan               "pipeline" and a pipeline.Plan
//	history            a pipeline.Deploy, one line per deploy, the newest first
//	stats              "pipeline" and a pipeline.Stats
//	run, settle        a pipeline.Event, one line per event; settle ends with a pipeline.Status per pipeline
//	log                "pipeline", "deploy", "text", one line per line of the log
//	all others         "pipeline", "request" (its kind), "id", and with -wait "deploy", a pipeline.Deploy
//
// Durations are in nanoseconds, times in RFC 3339.
package command
