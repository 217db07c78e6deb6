// Package sshdtest starts hosts for integration tests: each is an OpenSSH server in a
// network namespace of its own, with an address on a bridge, and in a process
// namespace that ends with it. It wants root, and the part hosts.
package sshdtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/muster-deploy/muster/internal/partstest"
)

// Host is one running host.
type Host struct {
	// Name is "web-1" and so on.
	Name string
	// Address is the host's, without a port. SSH listens at port 22.
	Address string
	// Dir is a directory of the host's own.
	Dir string
	// KnownHosts and Key are files: the keys of all hosts, and the private key that
	// lets root in.
	KnownHosts, Key string

	link string // its end of the cable, on this side
	stop func()
}

// Start starts n hosts, which end with the test.
func Start(t testing.TB, n int) []*Host {
	t.Helper()
	partstest.Dir(t, "hosts")
	if os.Getuid() != 0 {
		t.Fatal("hosts with networks of their own can be started by root only")
	}
	dir := t.TempDir()
	key, admitted := newKey(t, filepath.Join(dir, "id"))
	keys := filepath.Join(dir, "authorized_keys")
	write(t, keys, string(ssh.MarshalAuthorizedKey(admitted)))
	bridge, network := cable(t, n)
	hosts := make([]*Host, n)
	var known strings.Builder
	for i := range hosts {
		h := &Host{
			Name: fmt.Sprintf("web-%d", i+1), Address: fmt.Sprintf("%s.%d", network, i+10),
			Dir: filepath.Join(dir, fmt.Sprintf("web-%d", i+1)), Key: key, KnownHosts: filepath.Join(dir, "known_hosts"),
			link: fmt.Sprintf("%s.%d", bridge, i+10),
		}
		if err := os.Mkdir(h.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		own, public := newKey(t, filepath.Join(dir, h.Name+".key"))
		known.WriteString(knownhosts.Line([]string{h.Address}, public) + "\n")
		h.serve(t, fmt.Sprintf("%s-%d", bridge, i+10), own, keys)
		hosts[i] = h
	}
	write(t, filepath.Join(dir, "known_hosts"), known.String())
	for _, h := range hosts {
		h.wait(t)
	}
	return hosts
}

// newKey writes a private key to a file.
func newKey(t testing.TB, file string) (string, ssh.PublicKey) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(pem.EncodeToMemory(block)))
	return file, signer.PublicKey()
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// cables are a bridge and a namespace per host, in a network that is for tests of
// devices (198.18.0.0/15).
const cables = `set -e
bridge=$1 network=$2 n=$3
ip link add "$bridge" type bridge
ip addr add "$network.1/24" dev "$bridge"
ip link set "$bridge" up
i=10
while [ "$i" -lt "$((n + 10))" ]; do
	ip netns add "$bridge-$i"
	ip link add "$bridge.$i" type veth peer name eth0 netns "$bridge-$i"
	ip link set "$bridge.$i" master "$bridge" up
	ip -n "$bridge-$i" addr add "$network.$i/24" dev eth0
	ip -n "$bridge-$i" link set eth0 up
	ip -n "$bridge-$i" link set lo up
	i=$((i + 1))
done`

// started counts the networks of this process: each has a name of its own.
var started atomic.Int64

// cable lays the network, and has it taken away when the test ends.
func cable(t testing.TB, n int) (bridge, network string) {
	t.Helper()
	third, err := rand.Int(rand.Reader, big.NewInt(250))
	if err != nil {
		t.Fatal(err)
	}
	bridge = fmt.Sprintf("mu%d-%d", os.Getpid()%100_000, started.Add(1))
	network = fmt.Sprintf("198.18.%d", third)
	t.Cleanup(func() {
		_ = exec.Command("ip", "link", "del", bridge).Run()
		for i := range n {
			_ = exec.Command("ip", "netns", "del", fmt.Sprintf("%s-%d", bridge, i+10)).Run()
		}
	})
	run(t, "sh", "-c", cables, "sh", bridge, network, fmt.Sprint(n))
	return bridge, network
}

func run(t testing.TB, words ...string) {
	t.Helper()
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(words[:1], " "), err, out)
	}
}

// guard ends the host when the test, or its process, is gone.
const guard = `ip netns exec "$1" unshare --pid --fork --kill-child --mount-proc /usr/sbin/sshd -D -e -f "$2" 2>"$3" &
read -r _
kill -9 $!
wait`

// serve starts the host's sshd, which is the first process of its namespace.
func (h *Host) serve(t testing.TB, namespace, key, admitted string) {
	t.Helper()
	config := filepath.Join(filepath.Dir(h.Dir), h.Name+".conf")
	write(t, config, fmt.Sprintf(`ListenAddress %s:22
HostKey %s
AuthorizedKeysFile %s
StrictModes no
UsePAM no
PidFile none
PermitRootLogin prohibit-password
PasswordAuthentication no
MaxStartups 100
Subsystem sftp internal-sftp
SetEnv HOME=%s
`, h.Address, key, admitted, h.home(t)))
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", guard, "sh", namespace, config, filepath.Join(filepath.Dir(h.Dir), h.Name+".log"))
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	h.stop = sync.OnceFunc(func() {
		in.Close()
		_ = cmd.Wait()
	})
	t.Cleanup(h.stop)
}

// Stop ends the host and all that runs on it, which its test does otherwise.
func (h *Host) Stop() { h.stop() }

// home makes the home of the host's root. That of this machine is no part of a host: what
// its shell does at its start would be a part of each command.
func (h *Host) home(t testing.TB) string {
	t.Helper()
	dir := h.Dir + ".home"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// wait returns once the host answers.
func (h *Host) wait(t testing.TB) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp", h.Address+":22", time.Second)
		if err == nil {
			conn.Close()
			return
		}
		if time.Since(begun) > 30*time.Second {
			log, _ := os.ReadFile(filepath.Join(filepath.Dir(h.Dir), h.Name+".log"))
			t.Fatalf("host %s does not answer: %v\n%s", h.Name, err, log)
		}
	}
}

// Unplug takes the host off the network, as a cable that is pulled.
func (h *Host) Unplug(t testing.TB) { run(t, "ip", "link", "set", h.link, "down") }

// Plug puts it back.
func (h *Host) Plug(t testing.TB) { run(t, "ip", "link", "set", h.link, "up") }
