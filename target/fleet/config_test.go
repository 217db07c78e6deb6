package fleet_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/fleet"
)

func TestNewComplainsAboutEverythingAtOnce(t *testing.T) {
	_, err := fleet.New(fleet.Config{
		Budget: -1, Probes: -1, Batch: fleet.Percent(101), DrainLimit: -time.Second, MinInService: fleet.Percent(100),
	})
	for _, field := range []string{"Name", "Hosts", "Budget", "Probes", "Batch", "DrainLimit", "MinInService"} {
		assert.ErrorContains(t, err, field)
	}
}

func TestAPercentageIsRoundedDownToOneAtLeast(t *testing.T) {
	for _, c := range []struct {
		batch fleet.Amount
		want  int
	}{
		{fleet.Percent(1), 7}, {fleet.Percent(28), 7}, {fleet.Percent(29), 4}, {fleet.Percent(100), 1},
		{fleet.Number(2), 4}, {fleet.Number(100), 1}, {fleet.Amount{}, 7},
	} {
		p := newPark("a", "b", "c", "d", "e", "f", "g")
		f := p.fleet(t, func(conf *fleet.Config) { conf.Batch = c.batch })
		steps, err := f.Plan(t.Context(), order(1, 1, target.Forward))
		require.NoError(t, err)
		assert.Len(t, steps, c.want, "batches of %s of seven hosts", c.batch)
	}
}

func TestAListThatCannotBeRightIsRefused(t *testing.T) {
	host := newPark("a").hosts[0]
	for want, list := range map[string][]fleet.Host{
		"there are none":  nil,
		"has no name":     {{Target: host.Target}},
		"has no target":   {{Name: "a"}},
		"is listed twice": {host, host},
	} {
		f, err := fleet.New(fleet.Config{Name: "web", Hosts: func(context.Context) ([]fleet.Host, error) { return list, nil }})
		require.NoError(t, err)
		_, err = f.Observe(t.Context(), target.Order{})
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, f.Activate(t.Context(), order(1, 1, target.Forward)), want)
	}
	down := errors.New("api is down")
	f, err := fleet.New(fleet.Config{Name: "web", Hosts: func(context.Context) ([]fleet.Host, error) { return nil, down }})
	require.NoError(t, err)
	require.ErrorIs(t, f.Activate(t.Context(), order(1, 1, target.Forward)), down)
}

func TestThePlanIsPrintedBeforeAnythingIsTouched(t *testing.T) {
	p := newPark("a", "b")
	var log bytes.Buffer
	f := p.fleet(t, func(c *fleet.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	prepare(t, f, 1)
	o := order(1, 1, target.Forward)
	o.Begin = func(context.Context, target.Step) error {
		assert.Contains(t, log.String(), "batch=2 of=2")
		return errors.New("seen enough")
	}
	require.Error(t, f.Activate(t.Context(), o))
}
