package elb_test

import (
	_ "embed"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/ec2target/ec2test"
	"github.com/muster-deploy/muster/target/fleet"
)

//go:embed policy.json
var policy []byte

func TestThePolicyIsAllThatIsCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cloud, _ := open(t, ec2test.Config{}, 2)
		require.NoError(t, b.Deregister(t.Context(), fleet.Host{Name: name(0)}))
		require.NoError(t, b.Register(t.Context(), fleet.Host{Name: name(0)}))
		var p struct{ Statement []struct{ Action []string } }
		require.NoError(t, json.Unmarshal(policy, &p))
		allowed := map[string]bool{}
		for _, s := range p.Statement {
			for _, a := range s.Action {
				allowed[strings.TrimPrefix(a, "elasticloadbalancing:")] = true
			}
		}
		assert.Equal(t, slices.Sorted(maps.Keys(cloud.Calls())), slices.Sorted(maps.Keys(allowed)))
	})
}
