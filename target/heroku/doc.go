// Package heroku makes releases live in a Heroku app, which is one unit. It is for apps of
// the Cedar generation, which run slugs.
//
//	app, err := heroku.New(heroku.Config{
//		App:   "acme-shop",
//		Token: func(context.Context) (string, error) { return os.Getenv("HEROKU_API_KEY"), nil },
//	})
//
// Prepare packs the artifact as a slug (its files below ./app, the process types of its
// Procfile) and uploads it, once per digest. It takes room on the disk, and no memory, for
// the packed files. Activate releases the slug, waits for the release phase, then until
// all dynos of the formation run the release, then until the app answers. A rollback is
// the release of an older slug: nothing is uploaded, and config vars stay as they are,
// unlike with "heroku rollback". A release whose dynos crash or do not answer is replaced
// by the one before it. Heroku keeps slugs: nothing is retired.
//
// # What is written where
//
// All that is known of orders stands in the descriptions of releases, for people too:
//
//	Deploy 42-3f9a1c0 [muster 118.7 sha256:8d1e...]
//
// is order 118 of epoch 7. What is live is told by the slug of the current release, so
// that a change of config vars, which makes a release of its own, is no drift.
//
// # What is fenced
//
// Heroku has no compare-and-swap. The descriptions are read right before each release,
// and an order with a lower number than any of them is refused. Hence Fencing is
// target.LastSwitch, and this remains possible:
//
//   - A deployer that is paused between that reading and the request, for as long as a
//     new lease takes, may release what was overtaken.
//   - A fencing Observe, and an order that finds its release live, leave no trace at
//     Heroku, since each release restarts the app. A deployer that was overtaken by such
//     an order alone is refused by its own Begin, not by the app.
//
// Both are seen by Observe, and mended by activating the live release again. A slug that
// was uploaded and never released is not found by another deployer, which uploads it again.
//
// # What it costs
//
// An observe takes four requests: the app, its releases, formation and dynos. A deploy
// takes 14 where the dynos run at once (four to prepare, ten to activate), a rollback ten;
// each further poll takes three. Of the 4,500 requests that an account has in an hour, the
// last hundred are spent slowly.
//
// # Secrets
//
// Config vars are never asked for. The token is sent to Config.API alone, and is taken out
// of errors, as are the signed addresses for uploads and outputs. The end of the release
// phase's output is reported without passwords in URLs; what else a migration prints is
// the app's to keep quiet about.
package heroku
