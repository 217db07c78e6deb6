//go:build integration

package bench

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/internal/partstest/sshdtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/host/sshhost"
)

// hostRelease is the n-th of a row of releases of 50 MB, of which one in a hundred
// files is another each time.
func hostRelease(b *testing.B, n int) *build.Artifact {
	b.Helper()
	files := map[string]string{"public/version": fmt.Sprintf("%d\n", n)}
	for _, name := range []string{"restart.sh", "probe.sh"} {
		text, err := os.ReadFile(filepath.Join("testdata/hosts", name))
		if err != nil {
			b.Fatal(err)
		}
		files[name] = string(text)
	}
	for i := range 1000 {
		seed := uint64(i)
		if i%100 == 0 {
			seed += uint64(1000 * n)
		}
		r := rand.New(rand.NewPCG(seed, 1))
		data := make([]byte, 50<<10)
		for j := range data {
			data[j] = byte(r.Uint32())
		}
		files[fmt.Sprintf("vendor/gem-%d/file-%d.so", i%40, i)] = string(data)
	}
	return buildtest.Artifact(files)
}

var (
	hostTools  = flag.String("host-tools", "muster,ansible,capistrano", "what releases on hosts are deployed by; the first is held against the others")
	hostRounds = flag.Int("host-rounds", 3, "how often each of them deploys to hosts that have nothing, and once more")
)

// tool deploys a release to hosts, the second time beside what it has left there.
type tool interface {
	deploy(b *testing.B, n int)
}

// deploy is what one took of the clock, and of the processors: of the deployer and of all
// hosts together. In seconds.
type deploy struct{ wall, cpu float64 }

// deploys are the first and the second one.
type deploys [2]deploy

// BenchmarkHosts ships a release of 50 MB to twenty hosts: to ones that have nothing, and
// then its successor; by muster, Capistrano and Ansible, which .ci/peers puts in place.
// They take turns, and begin each round with the next one.
func BenchmarkHosts(b *testing.B) {
	releases := []*build.Artifact{hostRelease(b, 0), hostRelease(b, 1)}
	tarballs := packed(b, releases)
	names := strings.Split(*hostTools, ",")
	took := map[string][]deploys{}
	used := account(b)
	for b.Loop() {
		for round := range *hostRounds {
			for i := range names {
				name := names[(round+i)%len(names)]
				took[name] = append(took[name], deployed(b, name, releases, tarballs, used))
			}
		}
	}
	for n, what := range []string{"cold", "second"} {
		for _, name := range names {
			b.ReportMetric(medianOf(took[name], func(d deploys) float64 { return d[n].wall }), what+"-"+name+"-s")
		}
		b.ReportMetric(ofTheFaster(names, took, func(d deploys) float64 { return d[n].wall }), what+"-of-the-faster")
		b.ReportMetric(ofTheFaster(names, took, func(d deploys) float64 { return d[n].cpu }), what+"-cpu-of-the-cheaper")
	}
}

// ofTheFaster holds the first tool against the best of the others.
func ofTheFaster(names []string, took map[string][]deploys, of func(deploys) float64) float64 {
	best := math.Inf(1)
	for _, name := range names[1:] {
		best = min(best, medianOf(took[name], of))
	}
	return medianOf(took[names[0]], of) / best
}

func medianOf(all []deploys, of func(deploys) float64) float64 {
	var values []float64
	for _, d := range all {
		values = append(values, of(d))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// account counts the time of the processors that this process takes, and all that it
// starts, whether it has ended or not: hosts last. Others on the machine are not counted.
func account(b *testing.B) (used func() time.Duration) {
	b.Helper()
	const all = "/sys/fs/cgroup/cpuacct"
	group := filepath.Join(all, fmt.Sprintf("muster-bench-%d", os.Getpid()))
	if err := os.Mkdir(group, 0o755); err != nil {
		b.Fatalf("count processor time in a control group: %v", err)
	}
	join := func(group string) {
		if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), fmt.Append(nil, os.Getpid()), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	join(group)
	b.Cleanup(func() {
		join(all)
		_ = os.Remove(group) // what still ends in it keeps it
	})
	return func() time.Duration {
		text, err := os.ReadFile(filepath.Join(group, "cpuacct.usage"))
		if err != nil {
			b.Fatal(err)
		}
		ns, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		return time.Duration(ns)
	}
}

// deployed has a tool deploy both releases to hosts that have nothing.
func deployed(b *testing.B, name string, releases []*build.Artifact, tarballs []string, used func() time.Duration) (took deploys) {
	b.Helper()
	hosts := sshdtest.Start(b, 20)
	var t tool
	switch name {
	case "muster":
		t = &ourHosts{hosts: hosts, releases: releases, packs: &host.Packs{}}
	case "capistrano":
		t = newCapistrano(b, hosts, tarballs)
	case "ansible":
		t = newAnsible(b, hosts, tarballs)
	default:
		b.Fatalf("there is no tool %q", name)
	}
	for n := range took {
		before, begun := used(), time.Now()
		t.deploy(b, n)
		took[n] = deploy{wall: time.Since(begun).Seconds(), cpu: (used() - before).Seconds()}
		serving(b, hosts, n)
	}
	b.Logf("%s: cold %.1f s (%.1f s of CPU), second %.1f s (%.1f)", name, took[0].wall, took[0].cpu, took[1].wall, took[1].cpu)
	for _, h := range hosts {
		h.Stop()
	}
	return took
}

// packed writes the tarballs that the peers send. Ours packs by itself, in its time.
func packed(b *testing.B, releases []*build.Artifact) (files []string) {
	b.Helper()
	for n, a := range releases {
		var data bytes.Buffer
		if err := build.Pack(b.Context(), &data, a); err != nil {
			b.Fatal(err)
		}
		file := filepath.Join(b.TempDir(), fmt.Sprintf("release-%d.tar.gz", n))
		if err := os.WriteFile(file, data.Bytes(), 0o644); err != nil {
			b.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// serving wants every host to serve the n-th release.
func serving(b *testing.B, hosts []*sshdtest.Host, n int) {
	b.Helper()
	for _, h := range hosts {
		out, err := exec.Command("curl", "-s", "-m", "10", "http://"+h.Address+":8080/version").Output()
		if err != nil || strings.TrimSpace(string(out)) != fmt.Sprint(n) {
			b.Fatalf("%s serves %q: %v", h.Name, out, err)
		}
	}
}

// ourHosts deploys by muster. Each deploy connects anew, as those of the others do.
type ourHosts struct {
	hosts    []*sshdtest.Host
	releases []*build.Artifact
	packs    *host.Packs
	number   uint64
}

func (m *ourHosts) deploy(b *testing.B, n int) {
	b.Helper()
	var members []fleet.Host
	for _, h := range m.hosts {
		tr, err := sshhost.New(sshhost.Config{Address: h.Address, User: "root", KnownHosts: []string{h.KnownHosts}, Keys: []string{h.Key}})
		if err != nil {
			b.Fatal(err)
		}
		defer tr.Close()
		t, err := host.New(host.Config{
			Name: h.Name, Root: h.Dir, Transport: tr, Packs: m.packs, Probes: 1, Interval: 200 * time.Millisecond,
			Restart: []string{"sh", "restart.sh"}, Check: []string{"sh", "probe.sh"},
		})
		if err != nil {
			b.Fatal(err)
		}
		members = append(members, fleet.Host{Name: h.Name, Target: t})
	}
	f, err := fleet.New(fleet.Config{
		Name: "web", Hosts: func(context.Context) ([]fleet.Host, error) { return members, nil },
		Canary: -1, Batch: fleet.Percent(100), Parallel: 20, Probes: 1, Interval: 100 * time.Millisecond, ObserveLimit: time.Minute,
	})
	if err != nil {
		b.Fatal(err)
	}
	m.number++
	o := target.Order{Number: m.number, Release: target.Release{ID: fmt.Sprint(n), Digest: m.releases[n].Digest}}
	if err := f.Prepare(b.Context(), o, m.releases[n]); err != nil {
		b.Fatal(err)
	}
	if err := f.Activate(b.Context(), o); err != nil {
		b.Fatal(err)
	}
}

// capistrano deploys by testdata/hosts/capistrano.
type capistrano struct {
	dir      string
	hosts    []*sshdtest.Host
	tarballs []string
}

func newCapistrano(b *testing.B, hosts []*sshdtest.Host, tarballs []string) *capistrano {
	b.Helper()
	c := &capistrano{dir: b.TempDir(), hosts: hosts, tarballs: tarballs}
	if err := os.CopyFS(c.dir, os.DirFS("testdata/hosts/capistrano")); err != nil {
		b.Fatal(err)
	}
	return c
}

func (c *capistrano) deploy(b *testing.B, n int) {
	b.Helper()
	var list []string
	for _, h := range c.hosts {
		list = append(list, h.Address+"="+h.Dir)
	}
	shell(b, c.dir, []string{
		"KEY=" + c.hosts[0].Key, "KNOWN_HOSTS=" + c.hosts[0].KnownHosts, "FLEET=" + strings.Join(list, " "),
		"RELEASE=" + fmt.Sprint(n), "TARBALL=" + c.tarballs[n],
	}, "cap", "production", "ship")
}

// ansible deploys by testdata/hosts/ansible.yml.
type ansible struct {
	dir      string
	play     string
	tarballs []string
}

const ansibleConfig = `[defaults]
inventory = hosts
forks = 20
interpreter_python = /usr/bin/python3
[ssh_connection]
pipelining = true
control_path_dir = %[3]s
ssh_args = -o ControlMaster=auto -o ControlPersist=600s -o IdentitiesOnly=yes -o UserKnownHostsFile=%[1]s -i %[2]s
`

func newAnsible(b *testing.B, hosts []*sshdtest.Host, tarballs []string) *ansible {
	b.Helper()
	play, err := filepath.Abs("testdata/hosts/ansible.yml")
	if err != nil {
		b.Fatal(err)
	}
	a := &ansible{dir: b.TempDir(), play: play, tarballs: tarballs}
	control, err := os.MkdirTemp("", "cp") // the name of a socket has to be short
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		sockets, _ := filepath.Glob(control + "/*")
		for _, s := range sockets {
			_ = exec.Command("ssh", "-o", "ControlPath="+s, "-O", "exit", "host").Run()
		}
		_ = os.RemoveAll(control)
	})
	var list strings.Builder
	list.WriteString("[web]\n")
	for _, h := range hosts {
		fmt.Fprintf(&list, "%s ansible_host=%s ansible_user=root root=%s\n", h.Name, h.Address, h.Dir)
	}
	for file, text := range map[string]string{
		"hosts": list.String(), "ansible.cfg": fmt.Sprintf(ansibleConfig, hosts[0].KnownHosts, hosts[0].Key, control),
	} {
		if err := os.WriteFile(filepath.Join(a.dir, file), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return a
}

func (a *ansible) deploy(b *testing.B, n int) {
	b.Helper()
	shell(b, a.dir, []string{"ANSIBLE_CONFIG=" + filepath.Join(a.dir, "ansible.cfg")},
		"ansible-playbook", "-e", fmt.Sprintf("release=%d tarball=%s", n, a.tarballs[n]), a.play)
}

// shell runs a peer's command.
func shell(b *testing.B, dir string, env []string, words ...string) {
	b.Helper()
	c := exec.Command(words[0], words[1:]...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	if out, err := c.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", words[0], err, out[max(0, len(out)-4000):])
	}
}
