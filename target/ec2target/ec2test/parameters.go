package ec2test

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// parameter is one of SSM's Parameter Store.
type parameter struct {
	value   string
	version int64
}

// SetParameter stores a parameter, as a person does.
func (c *Cloud) SetParameter(name, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parameters[name] = parameter{value, c.parameters[name].version + 1}
}

// GetParametersByPath lists parameters beneath a path, ten at a time: those right beneath
// it, and only where it is to be recursive those that lie deeper.
func (c *Cloud) GetParametersByPath(ctx context.Context, in *ssm.GetParametersByPathInput, _ ...func(*ssm.Options)) (*ssm.GetParametersByPathOutput, error) {
	if err := c.enter(ctx, "GetParametersByPath"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(c.parameters)) {
		rest, beneath := strings.CutPrefix(name, strings.TrimSuffix(text(in.Path), "/")+"/")
		if beneath && (in.Recursive != nil && *in.Recursive || !strings.Contains(rest, "/")) {
			names = append(names, name)
		}
	}
	part, next, err := page(names, in.NextToken, 10)
	out := &ssm.GetParametersByPathOutput{NextToken: next}
	for _, name := range part {
		p := c.parameters[name]
		out.Parameters = append(out.Parameters, types.Parameter{Name: new(name), Value: &p.value, Version: p.version})
	}
	return out, err
}
