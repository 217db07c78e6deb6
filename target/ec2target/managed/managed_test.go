package managed_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/budget"
	"github.com/muster-deploy/muster/target/ec2target/ec2test"
	"github.com/muster-deploy/muster/target/ec2target/managed"
)

func TestMembersHaveAllTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := ec2test.New(ec2test.Config{Faults: ec2test.Faults{Seed: 5, Throttled: 0.2}})
		app := `it's; a "shop"`
		for i := range 130 {
			cloud.Launch(ec2test.Instance{ID: fmt.Sprintf("i-%08x", i), Tags: map[string]string{"app": app, "stage": []string{"production", "staging"}[i%2]}})
		}
		m := &managed.Instances{Client: cloud, Tags: map[string]string{"app": app, "stage": "staging"}}
		members, err := m.Members(t.Context())
		require.NoError(t, err)
		assert.Len(t, members, 65, "two pages")
		assert.Equal(t, ec2target.Instance{ID: "i-00000001"}, members[0])
		m.IDs = []string{"i-00000003", "i-00000004"}
		members, err = m.Members(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []ec2target.Instance{{ID: "i-00000003"}}, members)
	})
}

func TestTheBudgetOfCallsIsShared(t *testing.T) {
	cloud := ec2test.New(ec2test.Config{})
	m := &managed.Instances{Client: cloud, IDs: []string{"i-00000001"}, Calls: &budget.Calls{}}
	_, err := m.Members(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 1, m.Calls.Made())
}

func TestAnInstanceWithoutItsAgentIsAMember(t *testing.T) {
	cloud := ec2test.New(ec2test.Config{})
	id := cloud.Launch(ec2test.Instance{Tags: map[string]string{"app": "shop"}})
	cloud.Cut(id, true)
	m := &managed.Instances{Client: cloud, Tags: map[string]string{"app": "shop"}}
	members, err := m.Members(t.Context())
	require.NoError(t, err)
	assert.Len(t, members, 1, "out of reach is not gone")
	cloud.Terminate(id)
	members, err = m.Members(t.Context())
	require.NoError(t, err)
	assert.Empty(t, members)
}

func TestAllOfTheAccountIsAMistake(t *testing.T) {
	_, err := (&managed.Instances{Client: ec2test.New(ec2test.Config{})}).Members(t.Context())
	require.ErrorContains(t, err, "neither Tags nor IDs")
}
