package scaling_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/ec2test"
	"github.com/muster-deploy/muster/target/ec2target/scaling"
)

func TestMembersAreThoseThatServeOrAreAboutTo(t *testing.T) {
	cloud := ec2test.New(ec2test.Config{})
	for i, life := range []string{"InService", "Pending", "Pending:Wait", "Standby", "Terminating:Wait", "InService"} {
		id := cloud.Launch(ec2test.Instance{ID: fmt.Sprintf("i-%08x", i), Zone: "a", Group: "shop"})
		cloud.SetLife(id, life)
	}
	cloud.Launch(ec2test.Instance{ID: "i-0000000f", Group: "other"})
	g := &scaling.Groups{Client: cloud, Names: []string{"shop"}}
	members, err := g.Members(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []ec2target.Instance{{ID: "i-00000000", Zone: "a"}, {ID: "i-00000002", Zone: "a", Booting: true}, {ID: "i-00000005", Zone: "a"}}, members)
	g.Booting = true
	members, err = g.Members(t.Context())
	require.NoError(t, err)
	assert.Len(t, members, 4)
	assert.Equal(t, map[string]int{"DescribeAutoScalingGroups": 2}, cloud.Calls(), "all that it is permitted to")
}

func TestAllPagesAreRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := ec2test.New(ec2test.Config{Faults: ec2test.Faults{Seed: 4, Throttled: 0.2}})
		var names []string
		for i := range 120 {
			names = append(names, fmt.Sprintf("shop %03d", i))
			cloud.Launch(ec2test.Instance{Group: names[i]})
		}
		members, err := (&scaling.Groups{Client: cloud, Names: names}).Members(t.Context())
		require.NoError(t, err)
		assert.Len(t, members, 120)
	})
}

func TestAGroupThatIsNotThereIsAMistake(t *testing.T) {
	cloud := ec2test.New(ec2test.Config{})
	cloud.Launch(ec2test.Instance{Group: "shop"})
	_, err := (&scaling.Groups{Client: cloud, Names: []string{"shop", "shpo"}}).Members(t.Context())
	require.ErrorContains(t, err, `there is no ["shpo"]`)
	for _, names := range [][]string{nil, {"shop", ""}} {
		_, err = (&scaling.Groups{Client: cloud, Names: names}).Members(t.Context())
		require.ErrorContains(t, err, "Names")
	}
}
