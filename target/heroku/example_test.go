package heroku_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/heroku"
	"github.com/muster-deploy/muster/target/heroku/herokutest"
)

// An app on a Heroku in memory. On the real one, API and HTTP are left out, and the token
// comes from where secrets are.
func Example() {
	platform := herokutest.New()
	platform.Create("acme-shop")
	app, err := heroku.New(heroku.Config{
		App: "acme-shop", Token: platform.Token, Interval: time.Millisecond,
		API: herokutest.Address, HTTP: platform.Client(),
	})
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	for n := range 2 {
		artifact := buildtest.Artifact(map[string]string{"Procfile": "web: ./shop\n", "n": fmt.Sprint(n)})
		o := target.Order{Number: uint64(n + 1), Release: target.Release{ID: fmt.Sprint(n), Digest: artifact.Digest}}
		if err := app.Prepare(ctx, o, artifact); err != nil {
			log.Fatal(err)
		}
		if err := app.Activate(ctx, o); err != nil {
			log.Fatal(err)
		}
	}
	state, err := app.Observe(ctx, target.Order{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(state.Units[0].Name, state.Units[0].Condition, "order", state.Units[0].Number)
	fenced, _ := target.As[target.Fenced](app)
	fmt.Println("fenced by:", fenced.Fencing())
	// Output:
	// acme-shop serving order 2
	// fenced by: last switch
}
