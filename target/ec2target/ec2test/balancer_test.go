package ec2test_test

import (
	"testing"
	"testing/synctest"
	"time"

	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/ec2target/ec2test"
)

func targets(ids ...string) (all []types.TargetDescription) {
	for _, id := range ids {
		all = append(all, types.TargetDescription{Id: &id})
	}
	return all
}

// health is what a group says of its targets, or of those that are named.
func health(t *testing.T, c *ec2test.Cloud, arn string, ids ...string) map[string]string {
	t.Helper()
	out, err := c.DescribeTargetHealth(t.Context(), &elb.DescribeTargetHealthInput{TargetGroupArn: &arn, Targets: targets(ids...)})
	require.NoError(t, err)
	all := map[string]string{}
	for _, d := range out.TargetHealthDescriptions {
		all[*d.Target.Id] = string(d.TargetHealth.State)
	}
	return all
}

func TestATargetSettlesServesDrainsAndIsUnused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ec2test.New(ec2test.Config{Drain: 10 * time.Second, Settle: 5 * time.Second})
		arn := c.AddTargetGroup("shop")
		m := &ec2test.Model{}
		c.Launch(ec2test.Instance{ID: name(0)})
		c.Launch(ec2test.Instance{ID: name(1), Machine: m})
		register := func(ids ...string) error {
			_, err := c.RegisterTargets(t.Context(), &elb.RegisterTargetsInput{TargetGroupArn: &arn, Targets: targets(ids...)})
			return err
		}
		deregister := func(ids ...string) error {
			_, err := c.DeregisterTargets(t.Context(), &elb.DeregisterTargetsInput{TargetGroupArn: &arn, Targets: targets(ids...)})
			return err
		}
		require.NoError(t, register(name(0), name(1)))
		assert.Equal(t, map[string]string{name(0): "initial", name(1): "unhealthy"}, health(t, c, arn), "nothing runs on the second")
		require.NoError(t, m.Boot(t.Context(), 1, "sha256:a"))
		time.Sleep(5 * time.Second)
		assert.Equal(t, []string{name(0), name(1)}, c.Healthy(arn))
		require.NoError(t, register(name(0)), "what is so already changes nothing")
		assert.Len(t, c.Healthy(arn), 2)
		c.SickenTarget(arn, name(0), true)
		assert.Equal(t, map[string]string{name(0): "unhealthy"}, health(t, c, arn, name(0)))
		c.SickenTarget(arn, name(0), false)

		require.NoError(t, deregister(name(0), "i-unknown"), "who is not there is no error")
		time.Sleep(9 * time.Second)
		require.NoError(t, deregister(name(0)), "twice does not drain for longer")
		assert.Equal(t, "draining", health(t, c, arn)[name(0)])
		time.Sleep(time.Second)
		assert.Equal(t, map[string]string{name(1): "healthy"}, health(t, c, arn))
		assert.Equal(t, map[string]string{name(0): "unused"}, health(t, c, arn, name(0)))
		require.NoError(t, register(name(0)))
		assert.Equal(t, "initial", health(t, c, arn)[name(0)])

		c.Terminate(name(1))
		assert.NotContains(t, health(t, c, arn), name(1))
		require.ErrorContains(t, register(name(0), name(1)), "'"+name(1)+"'")
		_, err := c.DescribeTargetHealth(t.Context(), &elb.DescribeTargetHealthInput{TargetGroupArn: new("arn:x")})
		var none *types.TargetGroupNotFoundException
		require.ErrorAs(t, err, &none)
	})
}
