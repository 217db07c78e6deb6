// Package cdn makes CloudFront forget the pages of a site that have changed.
//
//	site, err := s3target.Open(ctx, s3target.Config{
//		Client: s3.NewFromConfig(cfg), Bucket: "acme-sites",
//		Invalidator: &cdn.Distribution{Client: cloudfront.NewFromConfig(cfg), ID: "E2EXAMPLE"},
//	})
//
// The file policy.json beside this one, with names in the place of ACCOUNT and
// DISTRIBUTION, is all that it needs; a test holds it to that. A Distribution that does
// not wait needs no cloudfront:GetInvalidation.
package cdn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/smithy-go"
)

// maxPaths is how many paths CloudFront takes at once. More become one wildcard.
const maxPaths = 3000

// Client is what a Distribution asks of CloudFront. A *cloudfront.Client is one.
type Client interface {
	CreateInvalidation(context.Context, *cloudfront.CreateInvalidationInput, ...func(*cloudfront.Options)) (*cloudfront.CreateInvalidationOutput, error)
	GetInvalidation(context.Context, *cloudfront.GetInvalidationInput, ...func(*cloudfront.Options)) (*cloudfront.GetInvalidationOutput, error)
}

// Distribution is one of CloudFront. It is an s3target.Invalidator; its methods may be
// called by many goroutines at once.
type Distribution struct {
	// Client sends the requests.
	Client Client

	// ID is the distribution's, such as "E2EXAMPLE".
	ID string

	// Strip is what the paths of the origin have and those of the distribution do not,
	// such as "/shop", where the distribution's origin path is not the site's prefix.
	Strip string

	// Wait is how long an invalidation is waited for; zero means a minute, less than zero
	// not at all.
	Wait time.Duration

	// Interval is how long it is between two questions; zero means 2 s.
	Interval time.Duration
}

// Invalidate implements s3target.Invalidator. The reference is CloudFront's
// CallerReference: the same one with the same paths is the same invalidation.
func (d *Distribution) Invalidate(ctx context.Context, reference string, paths []string) error {
	if d.Client == nil || d.ID == "" {
		return errors.New("cdn: a Distribution needs a Client and an ID")
	}
	out, err := d.Client.CreateInvalidation(ctx, &cloudfront.CreateInvalidationInput{
		DistributionId: &d.ID,
		InvalidationBatch: &types.InvalidationBatch{
			CallerReference: &reference,
			Paths:           d.paths(paths),
		},
	})
	if err != nil {
		return d.explain("cloudfront:CreateInvalidation", err)
	}
	if out.Invalidation == nil || out.Invalidation.Id == nil {
		return fmt.Errorf("cdn: invalidate %s: the answer names no invalidation", d.ID)
	}
	if d.Wait < 0 || done(out.Invalidation) {
		return nil
	}
	return d.wait(ctx, *out.Invalidation.Id)
}

// paths are those of the distribution.
func (d *Distribution) paths(paths []string) *types.Paths {
	all := make([]string, 0, len(paths))
	for _, p := range paths {
		all = append(all, "/"+strings.TrimPrefix(strings.TrimPrefix(p, d.Strip), "/"))
	}
	if len(all) > maxPaths {
		all = []string{"/*"}
	}
	return &types.Paths{Items: all, Quantity: new(int32(len(all)))}
}

// wait asks until the invalidation has come to its end.
func (d *Distribution) wait(ctx context.Context, id string) error {
	bound, interval := d.Wait, d.Interval
	if bound == 0 {
		bound = time.Minute
	}
	if interval == 0 {
		interval = 2 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	for {
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return fmt.Errorf("cdn: invalidation %s of %s goes on, and is not waited for any longer: %w", id, d.ID, ctx.Err())
		}
		out, err := d.Client.GetInvalidation(ctx, &cloudfront.GetInvalidationInput{DistributionId: &d.ID, Id: &id})
		if err != nil {
			return d.explain("cloudfront:GetInvalidation", err)
		}
		if out.Invalidation != nil && done(out.Invalidation) {
			return nil
		}
	}
}

func done(i *types.Invalidation) bool { return i.Status != nil && *i.Status == "Completed" }

// explain says what to do about an error of CloudFront.
func (d *Distribution) explain(action string, err error) error {
	var api smithy.APIError
	why := ""
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "AccessDenied":
			why = fmt.Sprintf("the credentials lack %s on it: ", action)
		case "NoSuchDistribution":
			why = "there is no such distribution: "
		case "TooManyInvalidationsInProgress":
			why = "too many invalidations are in progress: "
		}
	}
	return fmt.Errorf("cdn: invalidate %s: %s%w", d.ID, why, err)
}
