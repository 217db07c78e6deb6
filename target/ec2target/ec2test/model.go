package ec2test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Model is a Machine that answers as the script of the package host does, and takes its
// time without doing anything. The zero value is a vacant host that takes none.
type Model struct {
	// Fetch, Restart and Probe are how long it takes to prepare a release, to restart the
	// app, and to ask it whether it is healthy, all probes together.
	Fetch, Restart, Probe time.Duration

	// Sick says of which releases the app does not become healthy; nil: of none.
	Sick func(digest string) bool

	// Unpack looks at the pack, named by its sum, that is to be a release, and says what is
	// wrong with it; nil: nothing ever is.
	Unpack func(digest, pack string) error

	mu       sync.Mutex
	turn     chan struct{} // one activation works at a time
	number   uint64
	fence    string
	prepared map[string]uint64
	live     string
	good     string
	previous string
	drifted  bool
	fetched  int
	answers  map[string]string
}

// Live returns the digest that is live; empty for none.
func (m *Model) Live() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return digestOf(m.live)
}

// Fetched returns how many releases it has fetched.
func (m *Model) Fetched() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fetched
}

// Drift takes the host off its release, as a person does.
func (m *Model) Drift() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drifted = true
}

// Healthy says whether the app answers health checks well.
func (m *Model) Healthy() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.live != "" && m.good == m.live && !m.drifted && !m.sick(m.live)
}

// Boot makes a release live as the script of the package boot does: under the number of
// the order that has declared it. It says why it could not.
func (m *Model) Boot(ctx context.Context, number uint64, digest string) error {
	a := ask{release: strings.TrimPrefix(digest, "sha256:"), number: number, nonce: rand.Text()}
	if err := sleep(ctx, m.Fetch); err != nil {
		return err
	}
	m.mu.Lock()
	if a.number >= m.number {
		m.hold(a)
	}
	m.mu.Unlock()
	if said := m.activate(ctx, a); said != "ok" {
		return fmt.Errorf("ec2test: boot into %s by order %d: %q", digest, number, said)
	}
	return nil
}

// ask is one run of a script.
type ask struct {
	step, nonce, release, pack string

	number uint64
	retire bool
	keep   []string
}

// Run implements Machine.
func (m *Model) Run(ctx context.Context, s *Script) (stdout, stderr string, status int) {
	words, err := s.Settings()
	if err != nil {
		return "", err.Error(), 64
	}
	a := ask{release: "-"}
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "step":
			a.step = value
		case "nonce":
			a.nonce = value
		case "release":
			a.release = value
		case "pack":
			a.pack = value
		case "number":
			a.number, _ = strconv.ParseUint(value, 10, 64) // the package host writes it
		case "retire":
			a.retire = value == "yes"
		case "keep":
			a.keep = append(a.keep, value)
		}
	}
	said, why := m.take(ctx, a)
	if said == "" {
		return "", "killed", 137
	}
	return fmt.Sprintf("%s\nmuster %s %s end\n", why, a.nonce, said), "", 0
}

// take takes one step. An empty answer is none: the instance has ended.
func (m *Model) take(ctx context.Context, a ask) (said, why string) {
	switch a.step {
	case "check":
		return m.check(a), ""
	case "prepare":
		return m.prepare(ctx, a)
	case "guard":
		return m.guard(a), ""
	case "activate":
		return m.activate(ctx, a), ""
	case "observe":
		return m.observe(a)
	}
	return "failed phase=preflight back=untouched", "unknown step"
}

func (m *Model) check(a ask) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch _, held := m.prepared[a.release]; {
	case a.number < m.number:
		return m.stale()
	case held:
		m.hold(a)
		return "prepared"
	}
	return "wanted"
}

// hold keeps a release, with the highest order that asked for it.
func (m *Model) hold(a ask) {
	if m.prepared == nil {
		m.prepared = map[string]uint64{}
	}
	m.prepared[a.release] = max(m.prepared[a.release], a.number)
}

func (m *Model) prepare(ctx context.Context, a ask) (said, why string) {
	m.mu.Lock()
	_, held := m.prepared[a.release]
	m.mu.Unlock()
	if !held && sleep(ctx, m.Fetch) != nil {
		return "", ""
	}
	if !held && m.Unpack != nil {
		if err := m.Unpack(digestOf(a.release), a.pack); err != nil {
			return "failed phase=unpack back=untouched", err.Error()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.number < m.number {
		return m.stale(), ""
	}
	if !held {
		m.fetched++
	}
	m.hold(a)
	return "prepared", ""
}

func (m *Model) stale() string { return fmt.Sprintf("stale number=%d", m.number) }

// raise makes an order the highest, unless it is overtaken.
func (m *Model) raise(a ask) bool {
	if a.number < m.number || a.number == m.number && a.release != m.fence {
		return false
	}
	if a.number > m.number {
		m.answers = nil
	}
	m.number, m.fence = a.number, a.release
	return true
}

func (m *Model) fenced(a ask) bool { return m.number == a.number && m.fence == a.release }

func (m *Model) settled(a ask) bool {
	return m.live == a.release && m.good == a.release && !m.drifted && !m.sick(a.release)
}

func (m *Model) sick(release string) bool { return m.Sick != nil && m.Sick(digestOf(release)) }

func (m *Model) guard(a ask) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch _, held := m.prepared[a.release]; {
	case !m.raise(a):
		return m.stale()
	case m.settled(a):
		return m.finish(a)
	case !held:
		return "unprepared"
	}
	return "needed"
}

// finish confirms what is live, and retires what nobody needs.
func (m *Model) finish(a ask) string {
	if m.good != m.live {
		m.previous, m.good = m.good, m.live
	}
	for release, asked := range m.prepared {
		if a.retire && asked <= a.number && !slices.Contains(append(a.keep, m.live, m.previous), release) {
			delete(m.prepared, release)
		}
	}
	return "ok"
}

func (m *Model) activate(ctx context.Context, a ask) string {
	m.mu.Lock()
	ok := m.raise(a)
	if m.turn == nil {
		m.turn = make(chan struct{}, 1) // a mutex would stop the clock of a bubble
	}
	m.mu.Unlock()
	if !ok {
		return m.refuse()
	}
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return ""
	}
	defer func() { <-m.turn }()
	said, wait := m.change(a)
	if said != "" {
		return said
	}
	if wait && sleep(ctx, m.Restart+m.Probe) != nil {
		return ""
	}
	return m.confirm(a)
}

func (m *Model) refuse() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stale()
}

// change switches, if it has to.
func (m *Model) change(a ask) (said string, wait bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch _, held := m.prepared[a.release]; {
	case !m.fenced(a):
		return m.stale(), false
	case m.answers[a.nonce] != "":
		return m.answers[a.nonce], false
	case m.settled(a):
		return m.finish(a), false
	case !held:
		return "unprepared", false
	}
	m.live, m.drifted = a.release, false
	return "", true
}

// confirm asks the app, and puts back what was there if it is not well.
func (m *Model) confirm(a ask) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.fenced(a) {
		return m.stale()
	}
	said := ""
	switch {
	case !m.sick(a.release):
		said = m.finish(a)
	case m.good == "" || m.good == a.release:
		said = "failed phase=confirm back=none"
	default:
		m.live = m.good
		said = "failed phase=confirm back=done"
	}
	if m.answers == nil {
		m.answers = map[string]string{}
	}
	m.answers[a.nonce] = said
	return said
}

func (m *Model) observe(a ask) (said, why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	refused := "no"
	if a.number > 0 && !m.raise(a) {
		refused = "yes"
	}
	condition, live := "serving", m.live
	switch {
	case live == "":
		condition, live = "vacant", "-"
	case m.drifted:
		condition, live, why = "unhealthy", "other", "current was changed by somebody else"
	case m.good != live:
		condition, why = "unhealthy", "a switch is under way, or was cut off"
	case m.sick(live):
		condition, why = "unhealthy", "the health check got 500, not 200"
	}
	return fmt.Sprintf("observed refused=%s number=%d live=%s condition=%s", refused, m.number, live, condition), why
}

func digestOf(release string) string {
	if release == "" {
		return ""
	}
	return "sha256:" + release
}
