// Package dynamotest is a table of DynamoDB in memory, for tests of dynamolock and
// of what uses it. It simulates what dynamolock asks for, and refuses all else.
package dynamotest

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// Table is one table whose partition key is a string named "document". The zero value
// is empty, ready to use and answers to every name. Its methods may be called by many
// goroutines at once. A read that does not ask to be consistent returns what was there
// before the last write, as DynamoDB may.
type Table struct {
	// Name is the only table that there is. Empty: any name is this table.
	Name string

	mu     sync.Mutex
	items  map[string]item
	stale  map[string]item
	calls  []string
	broken func(operation string) Fault
}

type item = map[string]types.AttributeValue

// Fault is what goes wrong with one request, seen from behind the retries of the
// client. The zero value is nothing.
type Fault struct {
	// Delay passes before the table sees the request.
	Delay time.Duration
	// Refuse is answered, and nothing is done.
	Refuse error
	// Lose is answered after the request was done.
	Lose error
}

// Break lets f decide about each request from now on what goes wrong with it; nil
// ends it.
func (t *Table) Break(f func(operation string) Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.broken = f
}

// Calls returns the names of the requests since the last time that it was called.
func (t *Table) Calls() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	calls := t.calls
	t.calls = nil
	return calls
}

// GetItem stands for that of *dynamodb.Client.
func (t *Table) GetItem(ctx context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	out := &dynamodb.GetItemOutput{}
	return out, t.do(ctx, "GetItem", in.TableName, in, func() error {
		key, err := partition(in.Key)
		if in.ConsistentRead != nil && *in.ConsistentRead {
			out.Item = maps.Clone(t.items[key])
		} else {
			out.Item = maps.Clone(t.stale[key])
		}
		return err
	})
}

// PutItem stands for that of *dynamodb.Client.
func (t *Table) PutItem(ctx context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return &dynamodb.PutItemOutput{}, t.do(ctx, "PutItem", in.TableName, in, func() error {
		key, err := partition(in.Item)
		if err != nil {
			return err
		}
		if err := condition(in, t.items[key]); err != nil {
			return err
		}
		if t.items == nil {
			t.items, t.stale = map[string]item{}, map[string]item{}
		}
		t.items[key], t.stale[key] = maps.Clone(in.Item), t.items[key]
		return nil
	})
}

// do makes one request.
func (t *Table) do(ctx context.Context, operation string, table *string, in any, act func() error) error {
	err := t.try(ctx, operation, table, in, act)
	if err != nil {
		return &smithy.OperationError{ServiceID: "DynamoDB", OperationName: operation, Err: err}
	}
	return nil
}

func (t *Table) try(ctx context.Context, operation string, table *string, in any, act func() error) error {
	f := t.fault(operation)
	time.Sleep(f.Delay)
	if err := ctx.Err(); err != nil {
		return &aws.RequestCanceledError{Err: err}
	}
	if err := errors.Join(known(operation, in), f.Refuse); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if table == nil || t.Name != "" && *table != t.Name {
		return Failure(400, "ResourceNotFoundException", "Requested resource not found")
	}
	if err := act(); err != nil && f.Lose == nil {
		return err
	}
	return f.Lose
}

// fault notes a request and asks what goes wrong with it.
func (t *Table) fault(operation string) Fault {
	t.mu.Lock()
	t.calls = append(t.calls, operation)
	f := t.broken
	t.mu.Unlock()
	if f == nil {
		return Fault{}
	}
	return f(operation)
}
