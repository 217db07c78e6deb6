// Package dashboard shows pipelines to people in a browser, and lets them act: an
// http.Handler to mount in any tool, a JSON API beside the pages, and a Client that
// is a pipeline.Pipeline over it.
//
//	board, err := dashboard.New(dashboard.Config{
//		Pipelines: []pipeline.Pipeline{web, api},
//		Authorize: func(r *http.Request, a dashboard.Access) (dashboard.User, error) {
//			person, ok := login.Person(r) // what your tool knows of who asks
//			if !ok {
//				return dashboard.User{}, dashboard.ErrUnauthenticated
//			}
//			if a.Act && !person.OnCall {
//				return dashboard.User{}, errors.New("only who is on call may act")
//			}
//			return dashboard.User{Name: person.Name, Session: person.Session}, nil
//		},
//	})
//	...
//	http.Handle("/deploys/", http.StripPrefix("/deploys", board))
//
// # What it shows
//
// All pipelines at a glance, each with the sentence that says why it is or is not
// deploying. One pipeline as it works: stages, batches, units and what happens. The
// history with what was in each deploy, the logs, and the deploys of each day. All of
// it can be read, and acted upon, without JavaScript; with it, pages stay as they are
// now by server-sent events. A tab that was open for a week connects again.
//
// # Who may do what
//
// Config.Authorize is asked about every request. Without it nothing is shown and
// nobody may act: commit messages and build logs are nobody's business by default.
// ReadOnly is a ready function for a network where everybody may read. Who acts is
// recorded by the name that Authorize returns, whatever the request says.
//
// Every action has a page that names what it acts on, by id, and wants a confirmation;
// all but a few want a reason. The form carries the id of its request, so that a double
// click, a retry or two people who press at once act once. What lets changes out
// (deploy, resume, lifting a hold) asks again when the pipeline changed since the form
// was opened; what holds them back (hold, roll back, abort) does not.
//
// Requests that change something must come from the dashboard's own origin (by
// Sec-Fetch-Site, or Origin against Host; see Config.Origins), and forms carry a
// signature that is bound to their user. Pages cannot be framed, load nothing from
// elsewhere and run no script but their own file.
//
// # What it costs
//
// One watcher per pipeline that is being looked at, and none otherwise: it hears the
// engine's events from a bounded queue of its own, and looks at the record every
// Config.Refresh. All streams of a pipeline share it, and what it renders. Of an
// Engine, it reads what the deployer has recorded, so that neither source nor CI is
// asked on behalf of a page, except by the forms that propose a change to ship.
//
// # The API
//
// The paths stand below the dashboard's own. In the place of NAME, the slashes of a
// pipeline's name are dots.
//
//	GET  api/pipelines                        a pipeline.Status for each that may be read
//	GET  api/pipelines/NAME                   a pipeline.Status
//	POST api/pipelines/NAME/requests          pipeline.EncodeRequest's form; {"id": ...}
//	GET  api/pipelines/NAME/deploys           ?before=ID&limit=N; [pipeline.Deploy...]
//	GET  api/pipelines/NAME/deploys/ID/log    text
//	GET  api/pipelines/NAME/plan              a pipeline.Plan, of an engine
//	GET  api/pipelines/NAME/reason            ?revision=R; a pipeline.Reason, of an engine
//
// An error is {"error": sentence, "code": ...}, with "refusal" where the pipeline
// refused. Client speaks all of it.
package dashboard
