// Package ec2hosts lists the members of a fleet as EC2 knows them: by tag, by id, or by
// any of its filters, with zones and addresses.
//
//	web := &ec2hosts.Instances{Client: ec2.NewFromConfig(cfg), Tags: map[string]string{"app": "shop"}}
//
// It is a package of its own because the client of EC2 takes 45 s and 3 GB to compile.
// The packages managed and scaling do without it.
//
// The file policy.json beside this one is all that it needs: AWS grants lists as a whole only.
package ec2hosts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/budget"
)

// Client is what Instances asks of EC2. A *ec2.Client is one.
type Client interface {
	DescribeInstances(context.Context, *ec2.DescribeInstancesInput, ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error)
}

// Instances are the running members that have all of the tags, one of the ids if there
// are any, and pass the filters. One of them is required. One that is starting is a
// member; one that ends, or is stopped, is none.
type Instances struct {
	Client  Client
	Tags    map[string]string
	IDs     []string
	Filters []types.Filter

	// Calls is the budget of calls to EC2. Nil: one for each list.
	Calls *budget.Calls
}

// perPage is how many instances are asked for at once; EC2 grants up to 1,000.
const perPage = 500

// Members implements ec2target.Members.
func (m *Instances) Members(ctx context.Context) ([]ec2target.Instance, error) {
	if len(m.Tags) == 0 && len(m.IDs) == 0 && len(m.Filters) == 0 {
		return nil, errors.New("list instances: neither Tags nor IDs nor Filters: it would be all of the account")
	}
	calls := m.Calls
	if calls == nil {
		calls = &budget.Calls{}
	}
	in := &ec2.DescribeInstancesInput{Filters: m.filters(), MaxResults: new(int32(perPage))}
	var all []ec2target.Instance
	for {
		var out *ec2.DescribeInstancesOutput
		err := calls.Do(ctx, func(ctx context.Context) (err error) {
			out, err = m.Client.DescribeInstances(ctx, in, once)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("list instances (ec2:DescribeInstances): %w", err)
		}
		for _, r := range out.Reservations {
			for _, i := range r.Instances {
				all = append(all, member(i))
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			return all, nil
		}
	}
}

func member(i types.Instance) ec2target.Instance {
	m := ec2target.Instance{ID: aws.ToString(i.InstanceId), Address: aws.ToString(i.PrivateIpAddress)}
	if i.Placement != nil {
		m.Zone = aws.ToString(i.Placement.AvailabilityZone)
	}
	return m
}

func (m *Instances) filters() []types.Filter {
	all := []types.Filter{{Name: new("instance-state-name"), Values: []string{"pending", "running"}}}
	for _, tag := range slices.Sorted(maps.Keys(m.Tags)) {
		all = append(all, types.Filter{Name: new("tag:" + tag), Values: []string{m.Tags[tag]}})
	}
	if len(m.IDs) > 0 {
		all = append(all, types.Filter{Name: new("instance-id"), Values: m.IDs})
	}
	return append(all, m.Filters...)
}

// once has the budget alone retry.
func once(o *ec2.Options) { o.Retryer = aws.NopRetryer{} }
