package dynamolock

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/muster-deploy/muster/lock"
)

// Client is what a Store asks of DynamoDB. A *dynamodb.Client is one.
type Client interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
}

// Config says where documents are kept.
type Config struct {
	// Client sends the requests.
	Client Client
	// Table is the name of a table that is there, as CreateTable makes it.
	Table string
}

// Store is a lock.Store in a table. Make one with New. Any number of them, on any
// number of machines, may share a table.
type Store struct {
	client Client
	table  string
}

var _ lock.Store = (*Store)(nil)

// New returns the Store of a table. It does no input or output: a table that is not
// there, or has another key, is the error of the first request.
func New(c Config) (*Store, error) {
	var errs []error
	if c.Client == nil {
		errs = append(errs, errors.New("config has no Client: make one with dynamodb.NewFromConfig"))
	}
	if c.Table == "" {
		errs = append(errs, errors.New("config names no Table"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("use lock table: %w", err)
	}
	return &Store{c.Client, c.Table}, nil
}

// Load implements lock.Store, with one request. An item that is no document is
// lock.ErrDamaged.
func (s *Store) Load(ctx context.Context, key string) ([]byte, lock.Version, error) {
	if err := errors.Join(ctx.Err(), lock.ValidKey(key)); err != nil {
		return nil, "", err
	}
	d, err := s.read(ctx, key)
	if err != nil {
		return nil, "", err
	}
	return d.data, d.writes.name(), nil
}

// Swap implements lock.Store, with one request if it succeeds. What answers that
// were lost have left behind it finds out by itself; an error is left where that
// fails too, and where somebody has replaced what this Swap wrote before it could
// learn of it.
func (s *Store) Swap(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
	if err := errors.Join(ctx.Err(), lock.Check(key, data)); err != nil {
		return "", err
	}
	from, ok := parseVersion(old)
	if !ok {
		return "", lock.ErrConflict // Nobody was ever given that version.
	}
	d := document{key, from.next(), data}
	doubtful, err := s.write(ctx, from, d)
	switch {
	case err == nil:
		return d.writes.name(), nil
	case fateOf(err) != refused:
		return "", fmt.Errorf("write document %s: %w", key, err)
	}
	return s.resolve(ctx, from, d, doubtful)
}

// resolve finds out what it means that a write was refused: that another one came
// before it, or that it was written and asked for once more. It is doubtful if an
// answer to it was lost before.
func (s *Store) resolve(ctx context.Context, from writes, d document, doubtful bool) (lock.Version, error) {
	there, err := s.read(ctx, d.key)
	switch {
	case errors.Is(err, lock.ErrNotFound) && (!doubtful || len(from) > 0):
		return "", lock.ErrConflict // What is not there never was: nothing is deleted.
	case err != nil:
		return "", fmt.Errorf("find out what became of a write of document %s: %w", d.key, err)
	case there.writes[0] == d.writes[0]:
		return there.writes.name(), nil
	case slices.Contains(there.writes, d.writes[0]):
		return "", fmt.Errorf("write document %s: it was written, and replaced by another write since", d.key)
	case from.precede(there.writes) || !doubtful:
		return "", lock.ErrConflict
	}
	return "", fmt.Errorf("write document %s: no answer, and more than %d writes since: nobody can tell what became of it", d.key, remembered)
}
