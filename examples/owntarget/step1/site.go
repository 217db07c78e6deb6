// Package step1 is a target that does nothing yet.
package step1

import (
	"context"
	"errors"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// Site is a directory that a web server of this machine serves: <Dir>/current.
type Site struct {
	Dir string
}

// Name implements target.Target.
func (s *Site) Name() string { return "site" }

// Prepare implements target.Target.
func (s *Site) Prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	return errors.New("not yet")
}

// Activate implements target.Target.
func (s *Site) Activate(ctx context.Context, o target.Order) error {
	return errors.New("not yet")
}

// Observe implements target.Target.
func (s *Site) Observe(ctx context.Context, o target.Order) (target.State, error) {
	u := target.Unit{Name: "site", Condition: target.Vacant}
	return target.State{Units: []target.Unit{u}}, nil
}
