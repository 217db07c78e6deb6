package recipe

import (
	_ "embed"
	"strconv"
	"time"
)

// Systemd restarts a unit, and waits until systemd says that it is up.
func Systemd(unit string) []string { return []string{"systemctl", "restart", "--", unit} }

//go:embed puma.sh
var puma string

// Puma is a cluster of puma's that is started by somebody else, such as systemd.
type Puma struct {
	// Pidfile is the master's, relative to the release, or absolute. Where it names
	// nothing that runs, the restart fails.
	Pidfile string

	// Limit is how long the workers may take to be replaced; zero means 60 s. It is rounded
	// up to whole seconds, and less than host.Config.RestartLimit.
	Limit time.Duration

	// Start are words that start puma where none runs, as those of a Process, or of
	// Systemd. Empty: then the restart fails.
	Start []string
}

// Phased returns the words that replace puma's workers one after the other, and wait
// until the last old one has gone.
func (p Puma) Phased() []string {
	if p.Limit == 0 {
		p.Limit = time.Minute
	}
	return append([]string{"sh", "-c", puma, "puma", p.Pidfile, seconds(p.Limit)}, p.Start...)
}

//go:embed settings.sh
var settings string

//go:embed process.sh
var process string

// With returns words that run command with the settings of a file in shared, as
// Process.Settings; for host.Host.Command, say, or host.Config.Check. Run them inside a release.
func With(file string, command ...string) []string {
	return append([]string{"sh", "-c", "settings=$1\nshift\n" + settings + "load_settings\nexec \"$@\"\n", "with", file}, command...)
}

// Procfile returns words that run what the release's Procfile has under a name, such as
// "web": a line of a shell, as everywhere that has Procfiles. For a Process's Command.
func Procfile(name string) []string {
	return []string{"sh", "-c", `line=$(sed -n "s/^$1: *//p" Procfile) && [ -n "$line" ] || {
	echo "the Procfile has no $1" >&2
	exit 1
}
eval "exec $line"`, "procfile", name}
}

// Process is an app that nothing supervises: it is stopped, and started in a session of
// its own. It is not started again when it ends, nor when the machine starts.
type Process struct {
	// Command runs the app, as words, inside the release. It stays in the foreground.
	Command []string

	// Settings is a file of NAME=VALUE lines in shared, such as "env"; empty: none.
	Settings string

	// Env are more of these, which are no secrets: PORT=8080.
	Env []string

	// Grace is how long the app may take to end after TERM; zero means 10 s. It is
	// rounded up to whole seconds.
	Grace time.Duration
}

// Words returns the words. The process is kept track of in shared/process: pid, log.
func (p Process) Words() []string {
	if p.Grace == 0 {
		p.Grace = 10 * time.Second
	}
	words := []string{"sh", "-c", settings + process, "process", seconds(p.Grace), p.Settings, strconv.Itoa(len(p.Env))}
	return append(append(words, p.Env...), p.Command...)
}

func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}
