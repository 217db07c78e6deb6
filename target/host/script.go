package host

import (
	"crypto/rand"
	"embed"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/muster-deploy/muster/target"
)

// The host's side is one script in several files, for people.
//
//go:embed script
var parts embed.FS

// script is the whole of it. The order of the parts matters to the first and last
// only: what lies between are functions.
var script = assemble("settings", "state", "verify", "fetch", "delta", "parameters", "prepare", "confirm", "retire", "activate", "observe", "command", "run")

func assemble(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		text, err := parts.ReadFile("script/" + name + ".sh")
		if err != nil {
			panic(err) // the files are part of the program
		}
		b.Write(text)
	}
	return b.String()
}

// settings are the arguments of one run, NAME=VALUE.
type settings []string

func (s *settings) set(name string, value any) { *s = append(*s, fmt.Sprintf("%s=%v", name, value)) }

// settings are what every step is told.
func (h *Host) settings(step string, o target.Order) settings {
	var s settings
	s.set("step", step)
	s.set("root", h.c.Root)
	s.set("number", o.Number)
	if o.Release.Digest != "" {
		s.set("release", hexOf(o.Release.Digest))
	}
	s.set("restart_limit", seconds(h.c.RestartLimit))
	s.set("patience", h.c.Patience.Milliseconds()/10)
	return s
}

// probing is what the steps are told that ask the app. The words to run come last.
func (h *Host) probing(s settings) settings {
	s.set("url", h.c.URL)
	if h.c.Named {
		s.set("named", "yes")
	}
	s.set("probes", h.c.Probes)
	s.set("interval", strconv.FormatFloat(h.c.Interval.Seconds(), 'f', 3, 64))
	s.set("probe_limit", seconds(h.c.ProbeLimit))
	s.set("restarts", len(h.c.Restart))
	s.set("checks", len(h.c.Check))
	s = append(s, "--")
	s = append(s, h.c.Restart...)
	return append(s, h.c.Check...)
}

// keeping is what a step is told that may retire releases.
func keeping(s settings, o target.Order) settings {
	if o.Keep == nil {
		return s
	}
	s.set("retire", "yes")
	for _, digest := range o.Keep {
		s.set("keep", hexOf(digest))
	}
	return s
}

// hexOf is the name of a release on the host. The digest has been checked.
func hexOf(digest string) string { return strings.TrimPrefix(digest, "sha256:") }

// seconds rounds up: the script counts in whole ones.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// newNonce names one call.
func newNonce() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
