package host

import (
	"context"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// Host is a target.Target of one unit. It keeps nothing between calls: what is so is
// on the host. It may be used by many goroutines at once.
type Host struct {
	c Config
}

// New checks the config, all of it, and touches nothing.
func New(c Config) (*Host, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("host %q: %w", c.Name, err)
	}
	c.fill()
	return &Host{c}, nil
}

// Name implements target.Target.
func (h *Host) Name() string { return h.c.Name }

// Activate implements target.Target. If Begin is to be asked, the host is read first.
func (h *Host) Activate(ctx context.Context, o target.Order) error {
	if err := checkOrder(o); err != nil {
		return fmt.Errorf("activate: %w", err)
	}
	if o.Begin != nil {
		a, err := h.call(ctx, "guard", h.probing(keeping(h.settings("guard", o), o)), nil)
		if err != nil || a.word == "ok" {
			return err
		}
		if err := o.Begin(ctx, h.step()); err != nil {
			return fmt.Errorf("begin: %w", err)
		}
	}
	h.report(o, "switch")
	_, err := h.call(ctx, "activate", h.probing(keeping(h.settings("activate", o), o)), nil)
	if err != nil {
		h.report(o, "failed")
		return err
	}
	h.report(o, "done")
	return nil
}

// Plan implements target.Planner.
func (h *Host) Plan(ctx context.Context, o target.Order) ([]target.Step, error) {
	u, _, err := h.read(ctx, target.Order{})
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	if u.Condition == target.Serving && u.Digest == o.Release.Digest {
		return nil, nil
	}
	return []target.Step{h.step()}, nil
}

func (h *Host) step() target.Step {
	return target.Step{Batch: 1, Batches: 1, Units: []string{h.c.Name}}
}

// Observe implements target.Target. The health is asked once.
func (h *Host) Observe(ctx context.Context, o target.Order) (target.State, error) {
	if o.Number > math.MaxInt64 {
		return target.State{}, fmt.Errorf("observe: %w", errNumber)
	}
	u, refused, err := h.read(ctx, target.Order{Number: o.Number})
	if err != nil {
		u = target.Unit{Name: h.c.Name, Problem: err.Error()}
	}
	s := target.State{Units: []target.Unit{u}}
	if refused {
		return s, h.unitError(fmt.Errorf("order %d, seen %d: %w", o.Number, u.Number, target.ErrStale))
	}
	return s, nil
}

// read asks the host for what is so, and whether it refused the fence.
func (h *Host) read(ctx context.Context, o target.Order) (u target.Unit, refused bool, err error) {
	var stderr tail
	a, err := h.callTo(ctx, "observe", h.probing(h.settings("observe", o)), nil, &stderr)
	if err != nil {
		return target.Unit{}, false, err
	}
	u = target.Unit{Name: h.c.Name, Condition: target.Condition(a.fields["condition"])}
	if u.Number, err = strconv.ParseUint(a.fields["number"], 10, 64); err != nil {
		return target.Unit{}, false, fmt.Errorf("read the fence's number: %w", err)
	}
	if d := "sha256:" + a.fields["live"]; build.CheckDigest(d) == nil && u.Condition != target.Vacant {
		u.Digest = d
	}
	refused = a.fields["refused"] == "yes"
	switch {
	case u.Condition == target.Unhealthy:
		u.Problem = stderr.String()
	case refused:
		u.Problem = fmt.Sprintf("refuses order %d: it has seen %d", o.Number, u.Number)
	}
	return u, refused, nil
}

// call runs one step and turns its answer into an error, or none.
func (h *Host) call(ctx context.Context, step string, s settings, stdin io.Reader) (answer, error) {
	var stderr tail
	return h.callTo(ctx, step, s, stdin, &stderr)
}

// nonceSetting is the argument of a script that names its call.
const nonceSetting = "nonce="

func (h *Host) callTo(ctx context.Context, step string, s settings, stdin io.Reader, stderr *tail) (answer, error) {
	nonce := newNonce()
	var stdout tail
	err := context.Cause(ctx)
	if err == nil {
		err = h.c.Transport.Run(ctx, Call{
			Step: step, Script: script, Args: append([]string{nonceSetting + nonce}, s...), Nonce: nonce,
			Stdin: stdin, Stdout: &stdout, Stderr: stderr,
		})
	}
	a, ok := parseAnswer(stdout.String(), nonce)
	if !ok {
		if err == nil {
			err = errSilent
		}
		return answer{}, h.unitError(&Failure{Host: h.c.Name, Phase: step, Output: stderr.String(), Err: err})
	}
	return a, h.judge(a, stderr)
}

// judge turns an answer into an error, or none.
func (h *Host) judge(a answer, stderr *tail) error {
	switch a.word {
	case "stale":
		return h.unitError(fmt.Errorf("has seen order %s: %w", a.fields["number"], target.ErrStale))
	case "unprepared":
		return h.unitError(withOutput(target.ErrUnprepared, stderr.String()))
	case "failed":
		return h.unitError(&Failure{
			Host: h.c.Name, Phase: a.fields["phase"], Back: Back(a.fields["back"]), Output: stderr.String(),
		})
	}
	return nil
}

func withOutput(err error, output string) error {
	if output == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, output)
}

func (h *Host) report(o target.Order, phase string) {
	if o.Report != nil {
		o.Report(target.Progress{Unit: h.c.Name, Phase: phase})
	}
}
