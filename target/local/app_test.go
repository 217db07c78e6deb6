package local_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/internal/processtest"
)

// The tests' app is this very test binary, told by its environment.
const (
	appMode = "MUSTER_TEST_APP"
	bornAt  = "MUSTER_TEST_BORN" // where an app that listens says so
)

func TestMain(m *testing.M) {
	if os.Getenv(appMode) != "" {
		os.Exit(app())
	}
	processtest.Main(m)
}

// artifact is a release whose app behaves in a way.
func artifact(n int, behaviour string) *build.Artifact {
	return buildtest.Artifact(map[string]string{"n": fmt.Sprint(n), "behaviour": behaviour})
}

// app runs in its release.
func app() int {
	text, err := os.ReadFile("behaviour")
	behaviour := string(text)
	if err != nil || behaviour == "crash" {
		return 1
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	l, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		return 2
	}
	s := &http.Server{Handler: answer(behaviour)}
	go s.Serve(l)
	born()
	<-stop
	if behaviour == "stubborn" {
		<-stop
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if s.Shutdown(ctx) != nil {
		return 3
	}
	return 0
}

func answer(behaviour string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if behaviour != "anonymous" {
			w.Header().Set("Muster-Artifact", os.Getenv("MUSTER_ARTIFACT"))
		}
		if behaviour == "sick" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprintln(w, os.Getpid(), os.Getenv("MUSTER_TEST_WORDS"))
	}
}

func born() {
	c, err := net.Dial("tcp", os.Getenv(bornAt))
	if err != nil {
		return
	}
	defer c.Close()
	fmt.Fprintln(c, os.Getpid(), os.Getppid(), os.Getenv("PORT"), os.Getenv("MUSTER_ARTIFACT"))
}

// birth is what an app says when it listens.
type birth struct {
	pid, parent, port int
	digest            string
}

// births listens for apps.
func births(t *testing.T) (address string, all <-chan birth) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	news := make(chan birth, 1000)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(c).ReadString('\n')
			c.Close()
			var b birth
			if _, err := fmt.Sscan(strings.TrimSpace(line), &b.pid, &b.parent, &b.port, &b.digest); err == nil {
				news <- b
			}
		}
	}()
	return l.Addr().String(), news
}
