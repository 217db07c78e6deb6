package s3target_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/target/s3target"
)

// Every rig is held to the policy; here all of it is needed.
func TestThePolicyAllowsNoMoreThanIsNeeded(t *testing.T) {
	r := open(t, s3target.Config{Prefix: "shop/", Grace: 1})
	r.ship(numbered(1))
	big := site(map[string]string{"index.html": "x", "assets/film-12345678.mp4": strings.Repeat("x", 9<<20)})
	r.bucket.Break(func(c s3test.Call) (f s3test.Fault) {
		if c.Operation == "UploadPart" {
			f.Refuse = errDead
		}
		return f
	})
	assert.ErrorIs(t, r.Prepare(t.Context(), r.order(big), big), errDead)
	assert.Zero(t, r.bucket.Uploads())
	r.bucket.Break(nil)
	r.ship(big)
	r.ship(numbered(3))
	deploying := r.bucket.Calls()
	assert.Equal(t, []string{"s3:DeleteObject"}, r.bucket.Policy.Unused(deploying), "what Prune alone needs")
	for range 2 {
		o := r.order(numbered(3))
		o.Keep = []string{}
		_, err := r.Prune(t.Context(), o)
		require.NoError(t, err)
	}
	assert.Empty(t, r.bucket.Policy.Unused(r.bucket.Calls()))
	for _, c := range r.bucket.Calls() {
		for _, p := range c.Permissions {
			assert.True(t, strings.HasPrefix(p.Resource, "arn:aws:s3:::sites/shop/") || p.Action == "s3:ListBucket", "%s of %s", p.Action, p.Resource)
		}
	}
	for _, s := range r.bucket.Policy.Statement {
		assert.False(t, slices.ContainsFunc(append(s.Action, s.Resource...), func(a string) bool { return a == "*" || a == "s3:*" }))
	}
}
