package target_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

type wrapped struct{ target.Target }

func (w wrapped) Unwrap() target.Target { return w.Target }

type opaque struct{ target.Target }

// planned decorates a target with a plan of its own.
type planned struct{ wrapped }

func (planned) Plan(context.Context, target.Order) ([]target.Step, error) {
	return []target.Step{{Batch: 7}}, nil
}

func TestAsLooksThroughDecorators(t *testing.T) {
	inner := targettest.NewMemory("web", "a")
	found, ok := target.As[target.Planner](wrapped{wrapped{inner}})
	assert.True(t, ok)
	assert.Same(t, inner, found)
}

func TestAsFindsTheOutermostCapability(t *testing.T) {
	outer := planned{wrapped{targettest.NewMemory("web", "a")}}
	found, ok := target.As[target.Planner](wrapped{outer})
	assert.True(t, ok)
	assert.Equal(t, outer, found)
}

func TestAsFindsNothingWhereNothingIs(t *testing.T) {
	for _, in := range []target.Target{
		nil, wrapped{nil}, opaque{targettest.NewMemory("web", "a")}, wrapped{opaque{targettest.NewMemory("web", "a")}},
	} {
		found, ok := target.As[target.Planner](in)
		assert.False(t, ok)
		assert.Nil(t, found)
	}
	_, ok := target.As[target.Fenced](targettest.NewMemory("web", "a"))
	assert.False(t, ok)
}
