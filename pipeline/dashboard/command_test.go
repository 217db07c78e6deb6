package dashboard_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/muster-deploy/muster/pipeline/command"
)

func TestTheCommandLineWorksOverAClient(t *testing.T) {
	w := newPlace(t, "web")
	w.ship(t, "one")
	w.ship(t, "two")
	p := over(t, w)
	run := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := command.Run(t.Context(), command.Console{Args: args, Stdout: &out, Stderr: &out, By: "ann@laptop", Zone: time.UTC}, p)
		return code, out.String()
	}
	for _, x := range []struct {
		line, says string
		code       int
	}{
		{"status", "web: up to date: 0000000 is live", 0},
		{"history", "2-0000000", 0},
		{"log", "2-0000000 is live", 0},
		{"why 0000000000000000000000000000000001000002", "is live", 0},
		{"plan", "up to date", 0},
		{"hold -reason migration", "web is held by ann@laptop: \"migration\".", 0},
		{"rollback -yes -reason broken", "web: the rollback of 2-0000000 is recorded", 0},
		{"rollback -yes -reason broken", "being rolled back already", 3},
		{"status", "stopped", 0},
		{"settle", "needs the deployer's own program", 2},
	} {
		code, out := run(strings.Fields(x.line)...)
		assert.Equal(t, x.code, code, "%s: %s", x.line, out)
		assert.Contains(t, out, x.says, x.line)
	}
}
