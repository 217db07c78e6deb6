//go:build integration

package ec2target_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/internal/partstest/mototest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/boot"
	"github.com/muster-deploy/muster/target/ec2target/budget"
	"github.com/muster-deploy/muster/target/ec2target/canary"
	"github.com/muster-deploy/muster/target/ec2target/ec2hosts"
	"github.com/muster-deploy/muster/target/ec2target/elb"
	"github.com/muster-deploy/muster/target/ec2target/runcommand"
	"github.com/muster-deploy/muster/target/ec2target/scaling"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/targettest"
)

// TestRealClientsAreUnderstood sends what the packages send by the SDK's clients to
// somebody else's idea of AWS.
func TestRealClientsAreUnderstood(t *testing.T) {
	c := mototest.Start(t)
	instances := ec2.NewFromConfig(c)
	app := `it's; a "shop"`
	run := func(n int32, value string) []string {
		out, err := instances.RunInstances(t.Context(), &ec2.RunInstancesInput{
			ImageId: new("ami-12c6146b"), MinCount: &n, MaxCount: &n, InstanceType: ec2types.InstanceTypeT3Micro,
			TagSpecifications: []ec2types.TagSpecification{{
				ResourceType: ec2types.ResourceTypeInstance, Tags: []ec2types.Tag{{Key: new("app"), Value: &value}},
			}},
		})
		require.NoError(t, err)
		var ids []string
		for _, i := range out.Instances {
			ids = append(ids, *i.InstanceId)
		}
		return ids
	}
	ids := run(7, app)
	run(2, "other")

	t.Run("instances by tag", func(t *testing.T) {
		m := &ec2hosts.Instances{Client: instances, Tags: map[string]string{"app": app}}
		members, err := m.Members(t.Context())
		require.NoError(t, err)
		require.Len(t, members, 7)
		assert.NotEmpty(t, members[0].Zone)
		assert.NotEmpty(t, members[0].Address)
		_, err = instances.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: ids[6:]})
		require.NoError(t, err)
		members, err = m.Members(t.Context())
		require.NoError(t, err)
		require.Len(t, members, 6, "one that was terminated is no member")
		m.IDs = ids[:2]
		members, err = m.Members(t.Context())
		require.NoError(t, err)
		require.Len(t, members, 2)
	})

	t.Run("a scaling group", func(t *testing.T) {
		client := autoscaling.NewFromConfig(c)
		_, err := client.CreateLaunchConfiguration(t.Context(), &autoscaling.CreateLaunchConfigurationInput{
			LaunchConfigurationName: new("shop"), ImageId: new("ami-12c6146b"), InstanceType: new("t3.micro"),
		})
		require.NoError(t, err)
		_, err = client.CreateAutoScalingGroup(t.Context(), &autoscaling.CreateAutoScalingGroupInput{
			AutoScalingGroupName: new("the shop's"), LaunchConfigurationName: new("shop"), MinSize: new(int32(0)), MaxSize: new(int32(5)),
			DesiredCapacity: new(int32(3)), AvailabilityZones: []string{"eu-central-1a"},
			Tags: []astypes.Tag{{Key: new("app"), Value: &app, PropagateAtLaunch: new(true)}},
		})
		require.NoError(t, err)
		members, err := (&scaling.Groups{Client: client, Names: []string{"the shop's"}}).Members(t.Context())
		require.NoError(t, err)
		require.Len(t, members, 3)
		assert.Equal(t, "eu-central-1a", members[0].Zone)
		_, err = (&scaling.Groups{Client: client, Names: []string{"nobody's"}}).Members(t.Context())
		require.ErrorContains(t, err, "there is no")
	})

	t.Run("a canary's group", func(t *testing.T) {
		client := autoscaling.NewFromConfig(c)
		_, err := client.CreateAutoScalingGroup(t.Context(), &autoscaling.CreateAutoScalingGroupInput{
			AutoScalingGroupName: new("the shop's canary"), LaunchConfigurationName: new("shop"), MinSize: new(int32(0)), MaxSize: new(int32(1)),
			DesiredCapacity: new(int32(0)), AvailabilityZones: []string{"eu-central-1a"},
		})
		require.NoError(t, err)
		pointer, err := boot.New(boot.Config{Client: &s3test.Bucket{Name: "deploys"}, Bucket: "deploys", Prefix: "boot/shop/", Host: host.Config{Root: "/srv/shop"}})
		require.NoError(t, err)
		sender, err := runcommand.New(runcommand.Config{Client: ssm.NewFromConfig(c), Calls: &budget.Calls{Attempts: 2}, Poll: 10 * time.Millisecond, First: 10 * time.Millisecond})
		require.NoError(t, err)
		cold, err := canary.New(canary.Config{
			Client: client, Group: "the shop's canary", Pointer: pointer, Host: host.Config{Root: "/srv/shop"},
			Reach: func(i ec2target.Instance) host.Transport { return sender.Instance(i.ID) },
		})
		require.NoError(t, err)
		release := target.Release{ID: "1-abc", Digest: targettest.Artifact(1).Digest}
		_, said := cold.Look(t.Context(), release)
		require.Equal(t, "a fresh instance was asked for", said)
		ends, err := client.DescribeScheduledActions(t.Context(), &autoscaling.DescribeScheduledActionsInput{AutoScalingGroupName: new("the shop's canary")})
		require.NoError(t, err)
		require.Len(t, ends.ScheduledUpdateGroupActions, 1)
		assert.EqualValues(t, 0, *ends.ScheduledUpdateGroupActions[0].DesiredCapacity)
		_, said = cold.Look(t.Context(), release)
		assert.Contains(t, said, "i-", "it was started, and moto runs nothing in it")
	})

	t.Run("a target group", func(t *testing.T) {
		client := elasticloadbalancingv2.NewFromConfig(c)
		vpcs, err := instances.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
		require.NoError(t, err)
		out, err := client.CreateTargetGroup(t.Context(), &elasticloadbalancingv2.CreateTargetGroupInput{
			Name: new("shop"), Port: new(int32(8080)), Protocol: types.ProtocolEnumHttp, VpcId: vpcs.Vpcs[0].VpcId, TargetType: types.TargetTypeEnumInstance,
		})
		require.NoError(t, err)
		b, err := elb.New(elb.Config{Client: client, Groups: []string{*out.TargetGroups[0].TargetGroupArn}, Interval: 10 * time.Millisecond})
		require.NoError(t, err)
		for _, id := range ids[:2] {
			require.NoError(t, b.Register(t.Context(), fleet.Host{Name: id}))
		}
		in, err := b.InService(t.Context())
		require.NoError(t, err)
		assert.Equal(t, map[string]bool{ids[0]: true, ids[1]: true}, in)
		require.NoError(t, b.Deregister(t.Context(), fleet.Host{Name: ids[0]}))
		b, err = elb.New(elb.Config{Client: client, Groups: []string{*out.TargetGroups[0].TargetGroupArn + "x"}})
		require.NoError(t, err)
		require.ErrorContains(t, b.Register(t.Context(), fleet.Host{Name: ids[0]}), "TargetGroupNotFound")
	})

	t.Run("a command", func(t *testing.T) {
		recorded := &recording{Client: ssm.NewFromConfig(c)}
		s, err := runcommand.New(runcommand.Config{Client: recorded, Calls: &budget.Calls{Attempts: 2}, Poll: 10 * time.Millisecond, First: 10 * time.Millisecond})
		require.NoError(t, err)
		h, err := host.New(host.Config{Name: ids[0], Root: "/srv/it's; a shop", Transport: s.Instance(ids[0])})
		require.NoError(t, err)
		state, err := h.Observe(t.Context(), target.Order{})
		require.NoError(t, err)
		assert.NotEmpty(t, state.Units[0].Problem, "moto runs nothing: there is no answer")
		t.Logf("sent and listed by the real client: %v; %s", recorded.errs, state.Units[0].Problem)
		assert.NoError(t, recorded.errs["SendCommand"])
	})

	t.Run("a pointer", func(t *testing.T) {
		client := s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = true })
		_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{
			Bucket: new("deploys"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"},
		})
		require.NoError(t, err)
		p, err := boot.New(boot.Config{Client: client, Bucket: "deploys", Prefix: "boot/shop/", Host: host.Config{Root: "/srv/shop"}})
		require.NoError(t, err)
		order := func(number uint64, n int) target.Order {
			return target.Order{Number: number, Release: target.Release{ID: "r", Digest: targettest.Artifact(n).Digest}}
		}
		require.NoError(t, p.Publish(t.Context(), targettest.Artifact(1)))
		require.NoError(t, p.Declare(t.Context(), order(7, 1)))
		require.NoError(t, p.Declare(t.Context(), order(8, 2)))
		require.ErrorIs(t, p.Declare(t.Context(), order(7, 1)), target.ErrStale)
		d, err := p.Read(t.Context())
		require.NoError(t, err)
		assert.EqualValues(t, 8, d.Number)
	})
}
