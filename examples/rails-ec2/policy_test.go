package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// grants lists what a policy allows: an action, a resource and a condition each.
func grants(t *testing.T, file string, names ...string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var p struct {
		Statement []struct {
			Action, Resource []string
			Condition        json.RawMessage
		}
	}
	require.NoError(t, json.Unmarshal([]byte(strings.NewReplacer(names...).Replace(string(text))), &p))
	for _, s := range p.Statement {
		for _, action := range s.Action {
			for _, resource := range s.Resource {
				all = append(all, fmt.Sprintf("%s on %s %s", action, resource, s.Condition))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestThePolicyIsThatOfTheParts(t *testing.T) {
	const ec2 = "../../target/ec2target/"
	parts := slices.Concat(
		grants(t, "../../lock/s3lock/policy.json", "PREFIX", "records/"),
		grants(t, "../../build/s3store/policy.json", "PREFIX", "files/"),
		grants(t, ec2+"s3depot/policy.json", "PREFIX", "packs/"),
		grants(t, ec2+"boot/policy.json", "PREFIX", "boot/"),
		grants(t, ec2+"elb/policy.json", "GROUP", "TARGET_GROUP"),
		grants(t, ec2+"runcommand/policy.json"),
		grants(t, ec2+"scaling/policy.json"),
	)
	slices.Sort(parts)
	assert.Equal(t, slices.Compact(parts), grants(t, "policy.json"))
}

func TestTheInstancesMayDoLess(t *testing.T) {
	boot := slices.DeleteFunc(grants(t, "../../target/ec2target/boot/instance.json", "PREFIX", "boot/"),
		func(grant string) bool { return strings.Contains(grant, "Lifecycle") }) // there is no hook
	assert.Equal(t, append(boot, "s3:PutObject on arn:aws:s3:::BUCKET/logs/* "), grants(t, "instance.json"))
}
