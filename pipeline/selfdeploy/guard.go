package selfdeploy

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/command"
)

// guard is a deployer that stands by while the next one, its child, proves itself.
type guard struct {
	*Deployer
	self    *pipeline.Engine
	engines []*pipeline.Engine
	mine    string // the digest of this process's own release
	judge   judge
	child   *child
	signals chan os.Signal
}

// guard runs the words of args, after the guard's own directory and digest, in this
// process's place or under its eyes.
func (d *Deployer) guard(self *pipeline.Engine, engines []*pipeline.Engine, args []string) int {
	if len(args) < 3 {
		fmt.Fprintln(os.Stderr, "guard is for hosts: see Command of the package selfdeploy")
		return command.Usage
	}
	g := &guard{
		Deployer: d, self: self, engines: engines, mine: args[1],
		judge:   judge{Config: d.c, began: time.Now(), well: time.Now()},
		signals: make(chan os.Signal, 8),
	}
	signal.Notify(g.signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	words := args[2:]
	switch role := g.role(context.Background()); role {
	case unwanted:
		return g.takeOver(args[0], words)
	case unproven:
		return g.watch(context.Background(), args[0], words)
	}
	signal.Reset()
	return replace(words)
}

// replace makes this process one of the words.
func replace(words []string) int {
	path, err := exec.LookPath(words[0])
	if err == nil {
		err = syscall.Exec(path, words, os.Environ())
	}
	fmt.Fprintf(os.Stderr, "start %s: %v\n", words[0], err)
	return command.Failed
}

// role is what the new release is to the record.
type role int

const (
	settled  role = iota // live, or nothing that this guard knows of
	unproven             // on its way
	unwanted             // rolled back, to the guard's own release
)

// role reads the record. What cannot be read is not proven.
func (g *guard) role(ctx context.Context) role {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	st, err := g.self.Recorded().Status(ctx)
	if err != nil {
		return unproven
	}
	g.judge.status = st
	switch {
	case open(st) != nil && open(st).To.Digest == g.c.Artifact:
		return unproven
	case st.Live != nil && st.Live.Digest == g.mine && st.Live.Digest != g.c.Artifact:
		return unwanted
	}
	return settled
}

// watch starts the child and judges it until it is proven, or condemned. It ends
// when the child does that was told to.
func (g *guard) watch(ctx context.Context, dir string, words []string) int {
	if o := open(g.judge.status); o != nil {
		if err := g.try(o.ID); err != nil {
			g.c.Log.Error("stand guard", "error", err)
		}
	}
	g.start(words)
	tick := time.NewTicker(g.c.Every)
	defer tick.Stop()
	for {
		select {
		case s := <-g.signals:
			return g.end(s.(syscall.Signal))
		case err := <-g.ended():
			g.child = nil
			g.judge.crashed(err)
			g.c.Log.Warn("the new deployer has ended", "error", err, "times", g.judge.crashes)
		case <-tick.C:
			g.start(words)
		}
		if why := g.verdict(ctx); why != "" && g.condemn(ctx, why) {
			g.stop()
			return g.takeOver(dir, words)
		}
	}
}

// start starts the child if there is none.
func (g *guard) start(words []string) {
	if g.child != nil {
		return
	}
	c, err := startChild(words)
	if err != nil {
		g.judge.crashed(err)
		return
	}
	g.child = c
}

// ended yields how the child ended; nothing while there is none.
func (g *guard) ended() <-chan error {
	if g.child == nil {
		return nil
	}
	return g.child.ended
}

// end tells the child to end and ends as it does. The host's supervisor kills both
// when that takes too long.
func (g *guard) end(s syscall.Signal) int {
	if g.child == nil {
		return 128 + int(s)
	}
	g.child.signal(s)
	for {
		select {
		case err := <-g.child.ended:
			return exitCode(err)
		case s := <-g.signals:
			g.child.signal(s.(syscall.Signal))
		}
	}
}

// verdict looks at the child, and says why it is not to be borne any longer.
func (g *guard) verdict(ctx context.Context) string {
	if g.role(ctx) == settled {
		return "" // proven: from here on this process only stands in between
	}
	ill := g.ask(ctx)
	return g.judge.verdict(ill, ill != "" && g.blameless(ctx))
}

// ask asks the child how it is: nothing is well.
func (g *guard) ask(ctx context.Context) string {
	if g.child == nil {
		return "it does not run"
	}
	ctx, cancel := context.WithTimeout(ctx, max(g.c.Every, time.Second))
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+g.c.Port+"/", nil)
	if err != nil {
		return err.Error()
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	return wellness(resp, g.c.Artifact)
}

// blameless says whether this deployer, too, could not plan now: then it is not the
// new one's fault.
func (g *guard) blameless(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, max(4*g.c.Every, time.Second))
	defer cancel()
	for _, e := range g.engines {
		if plan(ctx, e) != "" {
			return true
		}
	}
	return false
}

// condemn records the rollback before anything is done about it, and says whether
// that has worked.
func (g *guard) condemn(ctx context.Context, why string) bool {
	g.c.Log.Error("rolling back the new deployer", "why", why)
	o := open(g.judge.status)
	if o == nil || o.To.Digest != g.c.Artifact {
		return g.judge.status.Live != nil // it was rolled back already
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := g.undo(ctx, g.self, o.ID, "the new deployer is not able to deploy: "+why)
	if err != nil {
		g.c.Log.Error("roll back the new deployer", "error", err)
	}
	return err == nil
}

// stop ends the child, which is not trusted to do so itself.
func (g *guard) stop() {
	if g.child == nil {
		return
	}
	g.child.signal(syscall.SIGTERM)
	select {
	case <-g.child.ended:
	case <-time.After(5 * time.Second):
		g.child.signal(syscall.SIGKILL)
		<-g.child.ended
	}
}

// takeOver makes this process the deployer, in its own release. Once it has the
// lease, it carries the rollback out, and is ended by that as any deployer is that
// goes back on its own host.
func (g *guard) takeOver(dir string, words []string) int {
	g.c.Log.Warn("taking over from the new deployer", "release", g.mine)
	signal.Reset()
	if err := os.Chdir(dir); err != nil {
		fmt.Fprintln(os.Stderr, "take over:", err)
		return command.Failed
	}
	_ = os.Setenv("MUSTER_ARTIFACT", g.mine)
	return replace(append([]string{"./" + filepath.Clean(words[0])}, words[1:]...))
}
