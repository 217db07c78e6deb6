package ec2test

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// DescribeInstanceInformation lists the instances whose agents have ever been there, by
// the filters "InstanceIds" and "tag:...".
func (c *Cloud) DescribeInstanceInformation(ctx context.Context, in *ssm.DescribeInstanceInformationInput, _ ...func(*ssm.Options)) (*ssm.DescribeInstanceInformationOutput, error) {
	if err := c.enter(ctx, "DescribeInstanceInformation"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []types.InstanceInformation
	for _, i := range c.instances {
		if !i.managed {
			continue
		}
		ok, err := i.matches(in.Filters)
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, i.information())
		}
	}
	sortedBy(all, func(i types.InstanceInformation) string { return *i.InstanceId })
	size := 10 // what SSM gives who does not ask for more
	if in.MaxResults != nil {
		size = int(*in.MaxResults)
	}
	part, next, err := page(all, in.NextToken, min(50, size))
	return &ssm.DescribeInstanceInformationOutput{InstanceInformationList: part, NextToken: next}, err
}

func (i *instance) information() types.InstanceInformation {
	ping := types.PingStatusOnline
	if i.cut {
		ping = types.PingStatusConnectionLost
	}
	return types.InstanceInformation{InstanceId: &i.ID, PingStatus: ping, PlatformType: types.PlatformTypeLinux}
}

func (i *instance) matches(filters []types.InstanceInformationStringFilter) (bool, error) {
	for _, f := range filters {
		value, ok := i.ID, true
		tag, isTag := strings.CutPrefix(text(f.Key), "tag:")
		switch {
		case isTag:
			value, ok = i.Tags[tag]
		case text(f.Key) != "InstanceIds":
			return false, &types.InvalidInstanceInformationFilterValue{Message: new("unknown filter " + text(f.Key))}
		}
		if !ok || !slices.Contains(f.Values, value) {
			return false, nil
		}
	}
	return true, nil
}
