//go:build integration

package bench

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
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

// tool deploys a release to hosts, the second time beside what it has left there.
type tool interface {
	deploy(b *testing.B, n int)
}

// BenchmarkHosts ships a release of 50 MB to twenty hosts: to ones that have nothing, and
// then its successor; by muster, Capistrano and Ansible, which .ci/peers puts in place.
func BenchmarkHosts(b *testing.B) {
	releases := []*build.Artifact{hostRelease(b, 0), hostRelease(b, 1)}
	tarballs := packed(b, releases)
	took := map[string][2]time.Duration{}
	for b.Loop() {
		for _, name := range []string{"muster", "capistrano", "ansible"} {
			hosts := sshdtest.Start(b, 20)
			var t tool
			switch name {
			case "muster":
				t = &ourHosts{hosts: hosts, releases: releases, packs: &host.Packs{}}
			case "capistrano":
				t = &capistrano{hosts: hosts, tarballs: tarballs}
			default:
				t = newAnsible(b, hosts, tarballs)
			}
			var times [2]time.Duration
			for n := range times {
				begun := time.Now()
				t.deploy(b, n)
				times[n] = time.Since(begun)
				serving(b, hosts, n)
			}
			took[name] = times
			b.Logf("%s: cold %.1f s, second %.1f s", name, times[0].Seconds(), times[1].Seconds())
		}
	}
	for n, what := range []string{"cold", "second"} {
		faster := min(took["capistrano"][n], took["ansible"][n])
		b.ReportMetric(took["muster"][n].Seconds(), what+"-muster-s")
		b.ReportMetric(took["capistrano"][n].Seconds(), what+"-capistrano-s")
		b.ReportMetric(took["ansible"][n].Seconds(), what+"-ansible-s")
		b.ReportMetric(took["muster"][n].Seconds()/faster.Seconds(), what+"-of-the-faster")
	}
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

// capistrano deploys by testdata/hosts/deploy.rb.
type capistrano struct {
	hosts    []*sshdtest.Host
	tarballs []string
}

func (c *capistrano) deploy(b *testing.B, n int) {
	b.Helper()
	dir := b.TempDir()
	text, err := os.ReadFile("testdata/hosts/deploy.rb")
	if err != nil {
		b.Fatal(err)
	}
	capfile := append([]byte("require \"capistrano/setup\"\nrequire \"capistrano/deploy\"\n"), text...)
	if err := os.WriteFile(filepath.Join(dir, "Capfile"), capfile, 0o644); err != nil {
		b.Fatal(err)
	}
	stages := filepath.Join(dir, "config/deploy")
	if err := os.MkdirAll(stages, 0o755); err != nil {
		b.Fatal(err)
	}
	for file, text := range map[string]string{"config/deploy.rb": "", "config/deploy/production.rb": ""} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	var list []string
	for _, h := range c.hosts {
		list = append(list, h.Address+"="+h.Dir)
	}
	shell(b, dir, []string{
		"KEY=" + c.hosts[0].Key, "KNOWN_HOSTS=" + c.hosts[0].KnownHosts, "HOSTS=" + strings.Join(list, " "),
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
ssh_args = -o ControlMaster=auto -o ControlPersist=600s -o IdentitiesOnly=yes -o UserKnownHostsFile=%s -i %s
`

func newAnsible(b *testing.B, hosts []*sshdtest.Host, tarballs []string) *ansible {
	b.Helper()
	play, err := filepath.Abs("testdata/hosts/ansible.yml")
	if err != nil {
		b.Fatal(err)
	}
	a := &ansible{dir: b.TempDir(), play: play, tarballs: tarballs}
	var list strings.Builder
	list.WriteString("[web]\n")
	for _, h := range hosts {
		fmt.Fprintf(&list, "%s ansible_host=%s ansible_user=root root=%s\n", h.Name, h.Address, h.Dir)
	}
	for file, text := range map[string]string{
		"hosts": list.String(), "ansible.cfg": fmt.Sprintf(ansibleConfig, hosts[0].KnownHosts, hosts[0].Key),
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
