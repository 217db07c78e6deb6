//go:build integration

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target/local"
)

// drill is this repository, copied, whose deployer deploys itself and an app.
type drill struct {
	*testing.T
	dir, program string
}

// TestRealDeployerFromGitDeploysItself goes the way of the command in the package's
// comment: from a repository to a first version, to a second one, and back from a third.
func TestRealDeployerFromGitDeploysItself(t *testing.T) {
	d := &drill{T: t, dir: t.TempDir()}
	d.copyHere()
	d.write("app/go.mod", "module example.com/app\n")
	d.write("app/main.go", app)
	d.commit("app", "the app")
	d.program = filepath.Join(d.dir, "laptop")
	d.run("deployer", "go", "build", "-buildvcs=false", "-o", d.program, "./examples/selfdeploy")
	t.Cleanup(d.stop)

	stop := d.byHand()
	first := d.live("deployer", "")
	stop()
	t.Logf("version 1: %s", first)
	d.live("app", "")

	d.edit("func main() {", "func main() {\n\tlog.Println(\"this is version 2\")")
	second := d.live("deployer", first)
	t.Logf("version 2: %s", second)

	d.edit("func main() {", "func main() {\n\tif os.Args[1] == \"run\" {\n\t\tpanic(\"this is version 3\")\n\t}")
	d.until("deployer", "rolled back", func(st pipeline.Status) bool {
		return st.Stop != nil && st.Open == nil && st.Live.ID == second
	})
}

const app = `package main

import (
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Muster-Artifact", os.Getenv("MUSTER_ARTIFACT"))
	})
	panic(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
`

// copyHere makes a repository of what this test was built from, with free ports and
// less patience.
func (d *drill) copyHere() {
	d.Helper()
	top, err := filepath.Abs("../..")
	require.NoError(d, err)
	d.run("", "cp", "-a", top, "deployer")
	require.NoError(d, os.RemoveAll(filepath.Join(d.dir, "deployer", ".git")))
	file := filepath.Join(d.dir, "deployer", "examples", "selfdeploy", "main.go")
	text, err := os.ReadFile(file)
	require.NoError(d, err)
	changed := strings.Replace(string(text), "Bake: time.Minute", "Bake: time.Second", 1)
	changed = strings.Replace(changed, "selfdeploy.Config{}", "selfdeploy.Config{Every: time.Second / 2}", 1)
	changed = strings.Replace(changed, `Lease: "`, `Poll: time.Second, LeaseDuration: 3 * time.Second, Lease: "`, 1)
	for _, port := range []string{"8090", "8091", "8092"} {
		changed = strings.Replace(changed, port, d.port(), 1)
	}
	require.NoError(d, os.WriteFile(file, []byte(changed), 0o644))
	d.commit("deployer", "the deployer")
}

func (d *drill) port() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(d, err)
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

func (d *drill) write(name, text string) {
	d.Helper()
	file := filepath.Join(d.dir, name)
	require.NoError(d, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(d, os.WriteFile(file, []byte(text), 0o644))
}

// edit changes the deployer's program, and commits that.
func (d *drill) edit(old, replacement string) {
	d.Helper()
	file := filepath.Join("deployer", "examples", "selfdeploy", "main.go")
	text, err := os.ReadFile(filepath.Join(d.dir, file))
	require.NoError(d, err)
	require.Contains(d, string(text), old)
	d.write(file, strings.Replace(string(text), old, replacement, 1))
	d.commit("deployer", "the next version")
}

func (d *drill) commit(repository, message string) {
	d.Helper()
	d.run(repository, "git", "init", "-q", "-b", "main")
	d.run(repository, "git", "add", "-A")
	d.run(repository, "git", "-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "-q", "-m", message)
}

// run runs a command in a directory and returns what it printed.
func (d *drill) run(dir string, words ...string) string {
	d.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.Context()), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir = filepath.Join(d.dir, dir)
	cmd.Env = d.environ()
	cmd.WaitDelay = 100 * time.Millisecond // what hosts run may hold the output
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	require.True(d, err == nil || err == exec.ErrWaitDelay, "%v: %v\n%s%s", words, err, &out, &errs)
	return out.String()
}

func (d *drill) environ() []string {
	return append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(d.dir, "cache"), "GOCACHE="+d.cache(),
		"DEPLOYER="+filepath.Join(d.dir, "deployer"), "APP="+filepath.Join(d.dir, "app"))
}

// byHand runs the deployer in a terminal, until stop.
func (d *drill) byHand() (stop func()) {
	d.Helper()
	cmd := exec.Command(d.program, "run")
	cmd.Dir, cmd.Env, cmd.WaitDelay = d.dir, d.environ(), 100*time.Millisecond
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(d, cmd.Start())
	return func() {
		d.Helper()
		require.NoError(d, cmd.Process.Signal(os.Interrupt))
		err := cmd.Wait()
		require.True(d, err == nil || err == exec.ErrWaitDelay, "%v\n%s", err, &out)
	}
}

// cache is the go command's, which does not follow XDG_CACHE_HOME here.
func (d *drill) cache() string {
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	require.NoError(d, err)
	return strings.TrimSpace(string(out))
}

// live waits until a release other than the one before is declared live.
func (d *drill) live(name, before string) string {
	d.Helper()
	return d.until(name, "live", func(st pipeline.Status) bool {
		return st.Open == nil && st.Live != nil && st.Live.ID != before
	}).Live.ID
}

func (d *drill) until(name, what string, want func(pipeline.Status) bool) (st pipeline.Status) {
	d.Helper()
	for end := time.Now().Add(8 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
		st = pipeline.Status{}
		require.NoError(d, json.Unmarshal([]byte(d.run("", d.program, "status", "-pipeline", name, "-json")), &st))
		if want(st) {
			return st
		}
	}
	logs, _ := filepath.Glob(filepath.Join(d.dir, "cache/selfdeploy/deployers/*/supervisor/log"))
	for _, log := range logs {
		text, _ := os.ReadFile(log)
		d.Logf("%s", text)
	}
	require.Fail(d, "it does not come about", "%s: %s: %+v", name, what, st)
	return st
}

// stop ends all that runs.
func (d *drill) stop() {
	for dir, hosts := range map[string][]string{"deployers": {"deployer-1"}, "web": {"web-1", "web-2"}} {
		for i, h := range hosts {
			l, err := local.New(local.Config{Name: dir, Dir: filepath.Join(d.dir, "cache", "selfdeploy", dir), Command: []string{"./x"}, Hosts: []local.Host{{Name: h, Port: i + 1}}})
			require.NoError(d, err)
			require.NoError(d, l.Stop(context.Background()))
		}
	}
}
