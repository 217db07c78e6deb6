package local

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/host"
)

//go:embed control.sh
var control string

//go:embed supervisor.sh
var supervisor string

// Local is a target.Target: the fleet of processes. It may be used by many goroutines
// at once, and by several processes that have the same Config.
type Local struct {
	*fleet.Fleet
	c    Config
	exec host.Exec
}

// New checks the config, all of it, and touches nothing.
func New(c Config) (*Local, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("local %q: %w", c.Name, err)
	}
	c.fill()
	l := &Local{c: c, exec: host.Exec{Env: c.Env, Outlive: c.Self}}
	members, err := l.members()
	if err != nil {
		return nil, fmt.Errorf("local %q: %w", c.Name, err)
	}
	rolling := c.Fleet
	rolling.Name = c.Name
	rolling.Hosts = func(context.Context) ([]fleet.Host, error) { return members, nil }
	if l.Fleet, err = fleet.New(rolling); err != nil {
		return nil, fmt.Errorf("local %q: %w", c.Name, err)
	}
	return l, nil
}

// members makes a host of each.
func (l *Local) members() ([]fleet.Host, error) {
	packs := &host.Packs{}
	var members []fleet.Host
	var errs []error
	for _, h := range l.c.Hosts {
		t, err := host.New(l.hostConfig(h, packs))
		errs = append(errs, err)
		members = append(members, fleet.Host{Name: h.Name, Zone: h.Zone, Target: t})
	}
	return members, errors.Join(errs...)
}

func (l *Local) hostConfig(h Host, packs *host.Packs) host.Config {
	health := url.URL{Scheme: "http", Host: h.address()}
	return host.Config{
		Name: h.Name, Root: l.dir(h), Transport: l.exec,
		Restart: append([]string{"sh", "-c", control, "muster"}, l.restart(h)...),
		URL:     health.String() + l.c.HealthPath, Named: true,
		Probes: l.c.Probes, Interval: l.c.Interval, Patience: l.c.Patience,
		RestartLimit: l.c.Grace + 20*time.Second,
		Packs:        packs,
	}
}

// restart are the words that follow the control script.
func (l *Local) restart(h Host) []string {
	return append([]string{l.dir(h), l.grace(), "restart", supervisor, strconv.Itoa(h.Port)}, l.c.Command...)
}

func (l *Local) dir(h Host) string { return filepath.Join(l.c.Dir, h.Name) }

func (l *Local) grace() string {
	return strconv.FormatInt(int64((l.c.Grace+time.Second-1)/time.Second), 10)
}

// address is where the app of a host listens.
func (h Host) address() string { return "127.0.0.1:" + strconv.Itoa(h.Port) }

// Stop ends all apps and supervisors, and returns once none is left. What is on the
// disk stays: an Activate starts them again.
func (l *Local) Stop(ctx context.Context) error {
	errs := make([]error, len(l.c.Hosts))
	var all sync.WaitGroup
	for i, h := range l.c.Hosts {
		all.Go(func() { errs[i] = l.stop(ctx, h) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (l *Local) stop(ctx context.Context, h Host) error {
	var out strings.Builder
	err := l.exec.Run(ctx, host.Call{Script: control, Args: []string{l.dir(h), l.grace(), "stop"}, Stderr: &out})
	if err != nil {
		return fmt.Errorf("stop %s: %w: %s", h.Name, err, strings.TrimSpace(out.String()))
	}
	return nil
}
