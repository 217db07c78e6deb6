//go:build integration

package ec2target_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/muster-deploy/muster/target/ec2target/boot"
	"github.com/muster-deploy/muster/target/ec2target/ec2test"
)

// home is the directory that an instance takes for its machine.
func (w *world) home(id string) string { return filepath.Join(w.orders.Dir, id) }

// instance makes one. It is called with the lock of the cloud held.
func (w *world) instance(tags map[string]string) ec2test.Instance {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := fmt.Sprintf("i-%08x", len(w.launched)+1)
	w.launched = append(w.launched, id)
	if len(w.slow) > 0 {
		w.stuck[id], w.slow = w.slow[0], w.slow[1:]
	}
	home := w.home(id)
	if err := os.Mkdir(home, 0o755); err != nil {
		panic(err)
	}
	in := boot.Instance{Region: "eu-central-1", Objects: w.orders.URL + "/objects", Scaling: w.orders.URL + "/autoscaling", Metadata: w.orders.URL + "/metadata/" + id}
	if tags == nil {
		in.Hook, in.Group = "up", "shop"
	}
	data, err := w.pointer.UserData(in)
	if err != nil {
		panic(err)
	}
	machine := &ec2test.Shell{Dir: home, Env: []string{"PATH=" + w.tools + ":" + os.Getenv("PATH"), "TMPDIR=" + home}}
	return ec2test.Instance{ID: id, Tags: tags, ReadableTags: true, Machine: machine, Boot: func(ctx context.Context, id string) {
		context.AfterFunc(ctx, func() { killInside(home) })
		_, said, _ := machine.Run(ctx, &ec2test.Script{Text: data})
		_ = os.WriteFile(filepath.Join(home, "user-data.log"), []byte(said), 0o644)
	}}
}

// killInside ends all processes that stand in a directory, and those that they start
// meanwhile.
func killInside(dir string) {
	for found := true; found; {
		found = false
		links, _ := filepath.Glob("/proc/[0-9]*/cwd")
		for _, link := range links {
			at, err := os.Readlink(link)
			pid, _ := strconv.Atoi(strings.Split(link, "/")[2])
			if err == nil && (at == dir || strings.HasPrefix(at, dir+"/")) && syscall.Kill(pid, syscall.SIGKILL) == nil {
				found = true
			}
		}
	}
}
