// Package managed lists the members of a fleet as SSM knows them: the instances on
// which its agent runs, by tag or by id. It needs neither EC2's API nor its client.
//
//	web := &managed.Instances{Client: ssm.NewFromConfig(cfg), Tags: map[string]string{"app": "shop"}}
//
// SSM knows no availability zones: all members are in one. An instance whose agent has
// been lost is a member still, out of reach, until it is terminated.
//
// The file policy.json beside this one is all that it needs: AWS grants lists as a whole only.
package managed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/budget"
)

// Client is what Instances asks of SSM. A *ssm.Client is one.
type Client interface {
	DescribeInstanceInformation(context.Context, *ssm.DescribeInstanceInformationInput, ...func(*ssm.Options)) (*ssm.DescribeInstanceInformationOutput, error)
}

// Instances are the members that have all of the tags, and one of the ids if there are
// any. At least one of both is required.
type Instances struct {
	Client Client
	Tags   map[string]string
	IDs    []string

	// Calls is the budget of calls to SSM. Nil: one for each list.
	Calls *budget.Calls
}

// perPage is the most that SSM lists in one answer.
const perPage = 50

// Members implements ec2target.Members.
func (m *Instances) Members(ctx context.Context) ([]ec2target.Instance, error) {
	if len(m.Tags) == 0 && len(m.IDs) == 0 {
		return nil, errors.New("list managed instances: neither Tags nor IDs: it would be all of the account")
	}
	in := &ssm.DescribeInstanceInformationInput{Filters: m.filters(), MaxResults: new(int32(perPage))}
	calls := m.Calls
	if calls == nil {
		calls = &budget.Calls{}
	}
	var all []ec2target.Instance
	for {
		var out *ssm.DescribeInstanceInformationOutput
		err := calls.Do(ctx, func(ctx context.Context) (err error) {
			out, err = m.Client.DescribeInstanceInformation(ctx, in, once)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("list managed instances (ssm:DescribeInstanceInformation): %w", err)
		}
		for _, i := range out.InstanceInformationList {
			all = append(all, ec2target.Instance{ID: aws.ToString(i.InstanceId), Address: aws.ToString(i.IPAddress)})
		}
		if aws.ToString(out.NextToken) == "" {
			return all, nil
		}
		in.NextToken = out.NextToken
	}
}

// once has the budget alone retry.
func once(o *ssm.Options) { o.Retryer = aws.NopRetryer{} }

func (m *Instances) filters() []types.InstanceInformationStringFilter {
	var all []types.InstanceInformationStringFilter
	for _, tag := range slices.Sorted(maps.Keys(m.Tags)) {
		all = append(all, types.InstanceInformationStringFilter{Key: new("tag:" + tag), Values: []string{m.Tags[tag]}})
	}
	if len(m.IDs) > 0 {
		all = append(all, types.InstanceInformationStringFilter{Key: new("InstanceIds"), Values: m.IDs})
	}
	return all
}
