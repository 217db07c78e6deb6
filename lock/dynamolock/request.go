package dynamolock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/muster-deploy/muster/lock"
)

// tries is how often a request is made at most, while its context lasts.
const tries = 8

// write puts a document in the place of the one whose writes are from, and asks
// again as long as that may help. It reports whether an answer was lost on the way,
// so that the document may have been written by a request before the last.
func (s *Store) write(ctx context.Context, from writes, d document) (doubtful bool, err error) {
	in := &dynamodb.PutItemInput{TableName: &s.table, Item: d.encode()}
	if len(from) == 0 {
		in.ConditionExpression = new("attribute_not_exists(#a)")
		in.ExpressionAttributeNames = map[string]string{"#a": keyAttribute}
	} else {
		in.ConditionExpression = new("#a = :last")
		in.ExpressionAttributeNames = map[string]string{"#a": writtenAttribute}
		in.ExpressionAttributeValues = item{":last": &types.AttributeValueMemberS{Value: from[0]}}
	}
	err = again(ctx, func(ctx context.Context) error {
		_, err := s.client.PutItem(ctx, in, once)
		doubtful = doubtful || fateOf(err) == lost
		return s.explain("dynamodb:PutItem", err)
	})
	return doubtful, err
}

// read returns a document.
func (s *Store) read(ctx context.Context, key string) (document, error) {
	var out *dynamodb.GetItemOutput
	err := again(ctx, func(ctx context.Context) (err error) {
		out, err = s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: partition(key), ConsistentRead: new(true)}, once)
		return s.explain("dynamodb:GetItem", err)
	})
	if err != nil {
		return document{}, fmt.Errorf("read document %s: %w", key, err)
	}
	if len(out.Item) == 0 {
		return document{}, lock.ErrNotFound
	}
	d, err := parse(out.Item, key)
	if err != nil {
		return document{}, fmt.Errorf("read document %s from table %s: %w", key, s.table, err)
	}
	return d, nil
}

// once switches off the retries of the client: made by it, one that is refused could
// not be told from one whose first try was written.
func once(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// again makes a request until it ends with anything but busy or lost, for as long as
// ctx lasts. A try that hangs is given up, each one later than the one before.
func again(ctx context.Context, request func(context.Context) error) error {
	for try := 0; ; try++ {
		bounded, cancel := context.WithTimeout(ctx, min(2*time.Second<<try, 16*time.Second))
		err := request(bounded)
		cancel()
		if f := fateOf(err); f != busy && f != lost || try == tries-1 {
			return err
		}
		if pause(ctx, try) != nil {
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// pause waits between two tries, twice as long each time, and not as long as others.
func pause(ctx context.Context, try int) error {
	longest := min(50*time.Millisecond<<try, time.Second)
	return wait(ctx, longest/2+rand.N(longest/2))
}

// wait lets time go by, or returns the error of a context that ends meanwhile.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
