package crash

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/internal/processtest"
)

// The deployer and the app are this very test binary, told by its environment.
const (
	roleVariable = "MUSTER_CRASH_ROLE"
	birthsFile   = "MUSTER_CRASH_BIRTHS" // where apps say what they are
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "app":
		os.Exit(app())
	case "deployer":
		os.Exit(deployer())
	}
	processtest.Main(m)
}

// artifact is that of the n-th change.
func artifact(n int) *build.Artifact {
	return buildtest.Artifact(map[string]string{"n": strconv.Itoa(n)})
}

// app serves the release that it was started in, and no other in all its life.
func app() int {
	text, err := os.ReadFile("n")
	n, err2 := strconv.Atoi(string(text))
	if err != nil || err2 != nil || artifact(n).Digest != os.Getenv("MUSTER_ARTIFACT") {
		note("started in a release that is not the one it was told")
		return 1
	}
	note(os.Getenv("MUSTER_ARTIFACT"))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Muster-Artifact", os.Getenv("MUSTER_ARTIFACT"))
		})}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		return 2
	}
	return 0
}

// note adds a line to the births.
func note(line string) { appendLine(os.Getenv(birthsFile), line) }

// appendLine is one write, so that lines of several processes do not mix.
func appendLine(file, line string) {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, line); err != nil {
		panic(err)
	}
}
