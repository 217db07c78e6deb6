package canary

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/muster-deploy/muster/target/ec2target"
)

// group is what Auto Scaling says of the canary's group.
type group struct {
	desired   int
	instances []ec2target.Instance // also those that end
}

// once has the budget alone retry.
func once(o *autoscaling.Options) { o.Retryer = aws.NopRetryer{} }

// read asks for the group, and refuses one that is somebody else's: a fleet's desires
// some at rest.
func (c *Canary) read(ctx context.Context) (g group, err error) {
	var out *autoscaling.DescribeAutoScalingGroupsOutput
	err = c.c.Calls.Do(ctx, func(ctx context.Context) (err error) {
		out, err = c.c.Client.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{c.c.Group}}, once)
		return err
	})
	if err != nil {
		return g, fmt.Errorf("read group %s (autoscaling:DescribeAutoScalingGroups): %w", c.c.Group, err)
	}
	if len(out.AutoScalingGroups) != 1 {
		return g, fmt.Errorf("read group %s: there is none of that name", c.c.Group)
	}
	return known(out.AutoScalingGroups[0])
}

func known(in types.AutoScalingGroup) (g group, err error) {
	if least, most := aws.ToInt32(in.MinSize), aws.ToInt32(in.MaxSize); least != 0 || most != 1 {
		return g, fmt.Errorf("read group %s: it has from %d to %d instances; a canary's own has from 0 to 1", aws.ToString(in.AutoScalingGroupName), least, most)
	}
	if len(in.TargetGroupARNs)+len(in.LoadBalancerNames) > 0 {
		return g, errors.New("read group " + aws.ToString(in.AutoScalingGroupName) + ": it is behind a balancer; a canary serves nobody")
	}
	g.desired = int(aws.ToInt32(in.DesiredCapacity))
	for _, i := range in.Instances {
		g.instances = append(g.instances, ec2target.Instance{ID: aws.ToString(i.InstanceId), Zone: aws.ToString(i.AvailabilityZone)})
	}
	return g, nil
}

// desire sets the desired capacity: 1, or what it is at rest.
func (c *Canary) desire(ctx context.Context, n int32) error {
	err := c.c.Calls.Do(ctx, func(ctx context.Context) error {
		_, err := c.c.Client.SetDesiredCapacity(ctx, &autoscaling.SetDesiredCapacityInput{
			AutoScalingGroupName: &c.c.Group, DesiredCapacity: &n, HonorCooldown: new(false),
		}, once)
		return err
	})
	if err != nil {
		return fmt.Errorf("set the desired capacity of %s to %d (autoscaling:SetDesiredCapacity): %w", c.c.Group, n, err)
	}
	return nil
}

// scheduled is the name of the scheduled action that ends what nobody has ended.
const scheduled = "muster-canary-ends"

// schedule has Auto Scaling end the instance by itself, later than we would.
func (c *Canary) schedule(ctx context.Context) error {
	end := time.Now().Add(2 * c.c.Patience).Truncate(time.Second)
	err := c.c.Calls.Do(ctx, func(ctx context.Context) error {
		_, err := c.c.Client.PutScheduledUpdateGroupAction(ctx, &autoscaling.PutScheduledUpdateGroupActionInput{
			AutoScalingGroupName: &c.c.Group, ScheduledActionName: new(scheduled), StartTime: &end, DesiredCapacity: new(int32(0)),
		}, once)
		return err
	})
	if err != nil {
		return fmt.Errorf("schedule the end of %s's instance (autoscaling:PutScheduledUpdateGroupAction): %w", c.c.Group, err)
	}
	return nil
}
