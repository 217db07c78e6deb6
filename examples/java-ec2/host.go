package main

import (
	"os"
	"time"

	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/host/recipe"
)

// poll is how often the repository is asked.
const poll = 5 * time.Second

// hosts is what all of the fleet have in common.
var hosts = host.Config{
	Root:     or(os.Getenv("ROOT"), "/srv/app"),
	Restart:  recipe.Process{Command: recipe.Procfile("web"), Settings: "env"}.Words(),
	Check:    recipe.With("env", "sh", "-c", `curl -fsS -o /dev/null "http://127.0.0.1:$PORT/"`),
	Interval: 500 * time.Millisecond,
	Shared:   []string{"log/", "env"},
}
