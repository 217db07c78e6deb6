package ec2hosts_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/ec2hosts"
)

// pages answers with one instance a page, and keeps what it was asked.
type pages struct {
	instances []types.Instance
	asked     []ec2.DescribeInstancesInput
	err       error
}

func (p *pages) DescribeInstances(_ context.Context, in *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	p.asked = append(p.asked, *in)
	n := len(p.asked) - 1
	if p.err != nil {
		return nil, p.err
	}
	out := &ec2.DescribeInstancesOutput{Reservations: []types.Reservation{{Instances: p.instances[n : n+1]}}}
	if n+1 < len(p.instances) {
		out.NextToken = new("more")
	}
	return out, nil
}

func TestAllPagesOfWhatMatchesAreMembers(t *testing.T) {
	p := &pages{instances: []types.Instance{
		{InstanceId: new("i-1"), PrivateIpAddress: new("10.0.0.1"), Placement: &types.Placement{AvailabilityZone: new("a")}},
		{InstanceId: new("i-2")},
	}}
	m := &ec2hosts.Instances{Client: p, Tags: map[string]string{"stage": "x; y", "app": "shop"}, IDs: []string{"i-1", "i-2"},
		Filters: []types.Filter{{Name: new("vpc-id"), Values: []string{"vpc-1"}}}}
	members, err := m.Members(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []ec2target.Instance{{ID: "i-1", Zone: "a", Address: "10.0.0.1"}, {ID: "i-2"}}, members)
	require.Len(t, p.asked, 2)
	assert.Equal(t, "more", *p.asked[1].NextToken)
	assert.LessOrEqual(t, *p.asked[0].MaxResults, int32(1000))
	assert.Equal(t, []types.Filter{
		{Name: new("instance-state-name"), Values: []string{"pending", "running"}},
		{Name: new("tag:app"), Values: []string{"shop"}}, {Name: new("tag:stage"), Values: []string{"x; y"}},
		{Name: new("instance-id"), Values: []string{"i-1", "i-2"}}, {Name: new("vpc-id"), Values: []string{"vpc-1"}},
	}, p.asked[0].Filters)
}

func TestAMistakeIsSaid(t *testing.T) {
	p := &pages{err: errors.New("denied")}
	_, err := (&ec2hosts.Instances{Client: p}).Members(t.Context())
	require.ErrorContains(t, err, "neither Tags nor IDs nor Filters")
	assert.Empty(t, p.asked)
	_, err = (&ec2hosts.Instances{Client: p, IDs: []string{"i-1"}}).Members(t.Context())
	require.ErrorContains(t, err, "ec2:DescribeInstances")
	require.ErrorIs(t, err, p.err)
}
