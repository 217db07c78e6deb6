package cdn_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"

	"github.com/muster-deploy/muster/target/s3target"
	"github.com/muster-deploy/muster/target/s3target/cdn"
)

var _ s3target.Invalidator = (*cdn.Distribution)(nil)

// edge is a CloudFront of one distribution: invalidations by reference, which are
// completed at the third question.
type edge struct {
	made  map[string][]string
	asked int
	never bool
	fail  error
	calls []string
}

func (e *edge) CreateInvalidation(_ context.Context, in *cloudfront.CreateInvalidationInput, _ ...func(*cloudfront.Options)) (*cloudfront.CreateInvalidationOutput, error) {
	e.calls = append(e.calls, "cloudfront:CreateInvalidation")
	if e.fail != nil {
		return nil, e.fail
	}
	if e.made == nil {
		e.made = map[string][]string{}
	}
	e.made[*in.InvalidationBatch.CallerReference] = in.InvalidationBatch.Paths.Items
	return &cloudfront.CreateInvalidationOutput{Invalidation: &types.Invalidation{Id: new("I1"), Status: new("InProgress")}}, nil
}

func (e *edge) GetInvalidation(context.Context, *cloudfront.GetInvalidationInput, ...func(*cloudfront.Options)) (*cloudfront.GetInvalidationOutput, error) {
	e.calls = append(e.calls, "cloudfront:GetInvalidation")
	status := "InProgress"
	if e.asked++; e.asked >= 3 && !e.never {
		status = "Completed"
	}
	return &cloudfront.GetInvalidationOutput{Invalidation: &types.Invalidation{Id: new("I1"), Status: &status}}, nil
}

func TestAnInvalidationIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &edge{}
		d := &cdn.Distribution{Client: e, ID: "E2", Strip: "/shop"}
		begin := time.Now()
		assert.NoError(t, d.Invalidate(t.Context(), "r1", []string{"/shop/index.html", "/shop/"}))
		assert.Equal(t, 6*time.Second, time.Since(begin))
		assert.Equal(t, map[string][]string{"r1": {"/index.html", "/"}}, e.made)
	})
}

func TestTheWaitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &cdn.Distribution{Client: &edge{never: true}, ID: "E2"}
		begin := time.Now()
		assert.ErrorContains(t, d.Invalidate(t.Context(), "r1", []string{"/"}), "goes on")
		assert.Equal(t, time.Minute, time.Since(begin))
	})
}

func TestManyPathsAreOneWildcard(t *testing.T) {
	e := &edge{}
	d := &cdn.Distribution{Client: e, ID: "E2", Wait: -1}
	var paths []string
	for i := range 3001 {
		paths = append(paths, fmt.Sprint("/", i))
	}
	assert.NoError(t, d.Invalidate(t.Context(), "r1", paths))
	assert.Equal(t, []string{"/*"}, e.made["r1"])
}

func TestErrorsNameTheMissingAction(t *testing.T) {
	d := &cdn.Distribution{Client: &edge{fail: &smithy.GenericAPIError{Code: "AccessDenied"}}, ID: "E2"}
	assert.ErrorContains(t, d.Invalidate(t.Context(), "r1", []string{"/"}), "cloudfront:CreateInvalidation")
	assert.ErrorContains(t, (&cdn.Distribution{}).Invalidate(t.Context(), "r1", nil), "Client and an ID")
}

//go:embed policy.json
var policy []byte

func TestThePolicyAllowsWhatIsNeededAndNoMore(t *testing.T) {
	var p struct {
		Statement []struct{ Action, Resource []string }
	}
	assert.NoError(t, json.Unmarshal(policy, &p))
	synctest.Test(t, func(t *testing.T) {
		e := &edge{}
		assert.NoError(t, (&cdn.Distribution{Client: e, ID: "E2"}).Invalidate(t.Context(), "r1", []string{"/"}))
		slices.Sort(e.calls)
		assert.Equal(t, slices.Compact(e.calls), p.Statement[0].Action)
		assert.Equal(t, []string{"arn:aws:cloudfront::ACCOUNT:distribution/DISTRIBUTION"}, p.Statement[0].Resource)

		e = &edge{}
		assert.NoError(t, (&cdn.Distribution{Client: e, ID: "E2", Wait: -1}).Invalidate(t.Context(), "r1", []string{"/"}))
		assert.Equal(t, []string{"cloudfront:CreateInvalidation"}, e.calls)
	})
}
