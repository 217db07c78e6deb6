package s3store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/muster-deploy/muster/build"
)

// Prune deletes the chunks that no content is made of, if they were uploaded more than
// thirty days ago, and returns how many. It may run beside everything else. It lists
// all that the Store holds and reads every list; after any error in that it deletes
// nothing.
func (s *Store) Prune(ctx context.Context) (deleted int, err error) {
	named, err := s.named(ctx)
	if err != nil {
		return 0, fmt.Errorf("prune: %w", err)
	}
	var unused []string
	err = s.each(ctx, chunks, func(name string, o types.Object) error {
		if o.LastModified != nil && time.Since(*o.LastModified) > kept && isDigest(name) && !named[name] {
			unused = append(unused, name)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("prune: %w", err)
	}
	for _, digest := range unused {
		s.seen.forget(digest)
		if err := s.delete(ctx, chunks+digest); err != nil {
			return deleted, fmt.Errorf("prune: %w", err)
		}
		deleted++
	}
	return deleted, nil
}

// named returns the digests of all chunks that contents are made of.
func (s *Store) named(ctx context.Context) (map[string]bool, error) {
	lists := make(chan list)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(uploads)
	named := map[string]bool{}
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		for l := range lists {
			for _, c := range l.chunks {
				named[c.digest] = true
			}
		}
	}()
	err := s.each(ctx, contents, func(key string, _ types.Object) error {
		g.Go(func() error {
			l, err := s.list(ctx, key)
			if errors.Is(err, build.ErrNotFound) {
				return nil // It was deleted meanwhile.
			}
			lists <- l
			return err
		})
		return ctx.Err()
	})
	if failed := g.Wait(); failed != nil {
		err = failed
	}
	close(lists)
	<-collected
	return named, err
}

// each calls f for every object below a folder, with its name there.
func (s *Store) each(ctx context.Context, folder string, f func(name string, o types.Object) error) error {
	in := &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: new(s.prefix + folder)}
	for {
		out, err := s.client.ListObjectsV2(ctx, in)
		if err != nil {
			return s.explain("s3:ListBucket", folder, err)
		}
		for _, o := range out.Contents {
			name, ok := strings.CutPrefix(*o.Key, *in.Prefix)
			if !ok {
				return fmt.Errorf("the listing of %s names %s", *in.Prefix, *o.Key)
			}
			if err := f(name, o); err != nil {
				return err
			}
		}
		if out.IsTruncated == nil || !*out.IsTruncated {
			return nil
		}
		in.ContinuationToken = out.NextContinuationToken
	}
}
