package ec2test_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/ec2target/ec2test"
)

// beneath lists parameters, and over how many pages.
func beneath(t *testing.T, c *ec2test.Cloud, path string, recursive *bool) (names []string, pages int) {
	t.Helper()
	in := &ssm.GetParametersByPathInput{Path: &path, Recursive: recursive}
	for {
		out, err := c.GetParametersByPath(t.Context(), in)
		require.NoError(t, err)
		require.LessOrEqual(t, len(out.Parameters), 10)
		pages++
		for _, p := range out.Parameters {
			names = append(names, *p.Name)
			assert.Equal(t, "of "+*p.Name, *p.Value)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return names, pages
		}
	}
}

func TestParametersRightBeneathAPathAndThoseThatLieDeeper(t *testing.T) {
	c := ec2test.New(ec2test.Config{})
	for _, name := range []string{"/shop/production/A", "/shop/production/db/URL", "/shop/production2/B", "/shop/C", "/shop/production"} {
		c.SetParameter(name, "of "+name)
	}
	for _, path := range []string{"/shop/production", "/shop/production/"} {
		names, _ := beneath(t, c, path, nil)
		assert.Equal(t, []string{"/shop/production/A"}, names, "it is not recursive unless that is said")
		names, _ = beneath(t, c, path, new(false))
		assert.Equal(t, []string{"/shop/production/A"}, names)
		names, _ = beneath(t, c, path, new(true))
		assert.Equal(t, []string{"/shop/production/A", "/shop/production/db/URL"}, names)
	}
	names, pages := beneath(t, c, "/nobody", new(true))
	assert.Empty(t, names)
	assert.Equal(t, 1, pages, "nothing there is no error")
	for i := range 25 {
		name := fmt.Sprintf("/many/%02d", i)
		c.SetParameter(name, "of "+name)
	}
	names, pages = beneath(t, c, "/many", nil)
	assert.Len(t, names, 25)
	assert.Equal(t, 3, pages)
}
