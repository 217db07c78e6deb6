package ec2target_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/budget"
	"github.com/muster-deploy/muster/target/ec2target/ec2test"
	"github.com/muster-deploy/muster/target/ec2target/managed"
	"github.com/muster-deploy/muster/target/ec2target/runcommand"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/targettest"
)

// place is a fleet of modelled instances in a cloud, for the conformance suite.
type place struct {
	*ec2test.Cloud
	models map[string]*ec2test.Model
	depot  memory
	left   atomic.Int64
}

// tags are those of the fleet's instances.
var tags = map[string]string{"app": `it's; a "shop" $(false)`}

func newPlace(c ec2test.Config, instances int) *place {
	p := &place{Cloud: ec2test.New(c), models: map[string]*ec2test.Model{}}
	for range instances {
		p.Join()
	}
	p.Launch(ec2test.Instance{ID: "i-0000000f"}) // somebody else's
	p.left.Store(1 << 60)
	p.Break(func(call string) error {
		if call == "ListCommandInvocations" && p.left.Load() >= 0 {
			return nil // who dies while he waits is as good as dead before
		}
		if p.left.Add(-1) < 0 {
			return errors.New("the deployer is dead")
		}
		return nil
	})
	return p
}

func (p *place) Open() (target.Target, error) {
	calls := &budget.Calls{}
	sender, err := runcommand.New(runcommand.Config{Client: p.Cloud, Calls: calls})
	if err != nil {
		return nil, err
	}
	return ec2target.New(ec2target.Config{
		Name:    "web",
		Members: &managed.Instances{Client: p.Cloud, Tags: tags, Calls: calls},
		Reach:   func(i ec2target.Instance) host.Transport { return sender.Instance(i.ID) },
		Host:    host.Config{Root: `/srv/it's; a "shop" $(false)`, Packs: &host.Packs{Depot: &p.depot}},
		Fleet: fleet.Config{
			Canary: -1, Batch: fleet.Number(2),
		},
	})
}

// CrashAfter lets what runs on the instances run on: it does not die with a deployer.
func (p *place) CrashAfter(steps int) func() bool {
	p.left.Store(int64(steps))
	return func() bool {
		crashed := p.left.Load() < 0
		p.Wait()
		p.left.Store(1 << 60)
		return crashed
	}
}

func (p *place) Drift(unit string) { p.models[unit].Drift() }

func (p *place) Join() string {
	id := fmt.Sprintf("i-%08x", len(p.models)+1)
	p.models[id] = &ec2test.Model{Unpack: p.depot.unpack}
	return p.Launch(ec2test.Instance{ID: id, Tags: tags, Machine: p.models[id]})
}

func TestConformance(t *testing.T) {
	conforms(t, ec2test.Config{Latency: 50 * time.Millisecond, Visible: time.Second}, 5)
}

func TestConformanceInACloudThatMisbehaves(t *testing.T) {
	faults := ec2test.Faults{Seed: 1, Throttled: 0.1, Unanswered: 0.1, Doubled: 0.2, Late: 0.2, Delay: 3 * time.Second}
	conforms(t, ec2test.Config{Latency: 50 * time.Millisecond, Visible: time.Second, Faults: faults}, 3)
}

func conforms(t *testing.T, c ec2test.Config, instances int) {
	targettest.TestTargetInVirtualTime(t, func(t targettest.TB) targettest.Place {
		p := newPlace(c, instances)
		t.Cleanup(p.Wait) // for what comes late
		return p
	})
}

func TestNewComplainsAboutEverythingAtOnce(t *testing.T) {
	_, err := ec2target.New(ec2target.Config{Host: host.Config{Name: "a"}, Fleet: fleet.Config{Name: "b"}})
	for _, field := range []string{"Members", "Reach", "Host has a Name", "Fleet has a Name"} {
		require.ErrorContains(t, err, field)
	}
	_, err = ec2target.New(ec2target.Config{
		Members: ec2target.IDs{"i-1"}, Reach: func(ec2target.Instance) host.Transport { return host.Exec{} },
	})
	require.ErrorContains(t, err, "Root")
}

func TestNewReachesNobody(t *testing.T) {
	_, err := ec2target.New(ec2target.Config{
		Name: "web", Members: ec2target.IDs{"i-1"}, Host: host.Config{Root: "/srv/shop"},
		Reach: func(i ec2target.Instance) host.Transport {
			t.Errorf("%s is reached for", i.ID)
			return host.Exec{}
		},
	})
	require.NoError(t, err)
}
