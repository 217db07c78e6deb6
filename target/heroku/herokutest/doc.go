// Package herokutest is a Heroku in memory for tests: the part of the Platform API, version
// 3, that deployers use, with the state behind it, and the apps themselves, which answer
// as their dynos do.
//
//	p := herokutest.New()
//	shop := p.Create("shop")
//	app, err := heroku.New(heroku.Config{
//		App: "shop", Token: p.Token, API: herokutest.Address, HTTP: p.Client(),
//	})
//
// Client needs no network. A Platform is an http.Handler, too, for whoever wants one:
// httptest.NewServer(p).
//
// There are apps, slugs with addresses to upload them to, releases with a release phase and
// its output, the formation, and dynos that boot, crash or hang. There are pages, a rate
// limit, tokens that expire, maintenance mode and suspension; and what goes wrong on the way
// is up to Break.
//
// Nothing depends on the clock: what takes time at Heroku, takes a number of reads here,
// which App.Polls says, so that a test goes the same way each time. A web dyno answers at
// web_url with 200 while it is up.
//
// What is there was written by Heroku's documentation; a slug has to be a gzipped tar with
// all names below ./app, of the checksum that was announced. What is not there answers 404.
package herokutest
