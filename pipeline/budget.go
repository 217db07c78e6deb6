package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/muster-deploy/muster/target"
)

// noteFailed records the units that are not on the release after an activation that
// failed, for the history. What cannot be read is not noted.
func (s *session) noteFailed(o *Attempt, stage string, t target.Target, err error) {
	if declined(err) || errors.Is(err, errRed) || errors.Is(err, target.ErrStale) || s.ctx.Err() != nil {
		return
	}
	state, err := t.Observe(s.ctx, target.Order{})
	if err != nil {
		return
	}
	off, _ := judgeUnits(state, o.To.Digest)
	_, err = s.swap(func(r *Record) error { return r.activated(o.ID, stage, t.Name(), false, off) })
	if err != nil {
		s.e.tell(Event{Kind: EventProblem, Deploy: o.ID, Target: t.Name(), Message: err.Error()})
	}
}

// judgeUnits returns the units that do not serve a digest, and an error when they
// are more than the target's budget, or all.
func judgeUnits(state target.State, digest string) (off []target.Unit, err error) {
	for _, u := range state.Units {
		if u.Condition != target.Serving || u.Digest != digest {
			off = append(off, u)
		}
	}
	switch {
	case len(state.Units) == 0:
		return nil, errors.New("it has no units")
	case len(off) > state.Budget || len(off) == len(state.Units):
		return off, fmt.Errorf("%d of %d units do not serve the release, %d may: first %s (%s)",
			len(off), len(state.Units), state.Budget, off[0].Name, describe(off[0]))
	}
	return off, nil
}

// describe says what is the matter with a unit.
func describe(u target.Unit) string {
	switch {
	case u.Problem != "":
		return cut(u.Problem, maxText)
	case u.Condition == target.Unknown:
		return "it does not answer"
	case u.Condition == target.Vacant:
		return "nothing was ever activated on it"
	}
	return "it serves another release"
}

// forgiven reports whether an error of Prepare is that of single units, and of no
// more than the target's budget: those that fail to prepare count against it just
// as those that fail to switch.
func forgiven(ctx context.Context, t target.Target, err error) bool {
	units := map[string]bool{}
	if errors.Is(err, target.ErrStale) || ctx.Err() != nil || !onlyUnits(err, units) {
		return false
	}
	state, readErr := t.Observe(ctx, target.Order{})
	return readErr == nil && len(units) <= state.Budget && len(units) < len(state.Units)
}

// onlyUnits collects the units of joined UnitErrors, and reports whether there is
// nothing else among them.
func onlyUnits(err error, units map[string]bool) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			if !onlyUnits(e, units) {
				return false
			}
		}
		return true
	}
	var u *target.UnitError
	if !errors.As(err, &u) {
		return false
	}
	units[u.Unit] = true
	return true
}
