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
	Restart:  phased(recipe.Process{Command: []string{"bundle", "exec", "puma"}, Settings: "env"}.Words()),
	Check:    recipe.With("env", "sh", "-c", `curl -fsS -o /dev/null -D - "http://127.0.0.1:$PORT/" | grep -qi "^Muster-Artifact: $MUSTER_ARTIFACT"`),
	Interval: 500 * time.Millisecond,
	Shared:   []string{"pids/", "env"},
}

// phased has puma replace its workers, one after the other, and starts it where it does not run.
func phased(start []string) []string {
	return recipe.Puma{Pidfile: "pids/server.pid", Start: start}.Phased()
}
