package s3lock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/muster-deploy/muster/lock"
)

// Config says where documents are kept.
type Config struct {
	// Client sends the requests: one for this Store, made by NewClient.
	Client Client

	// Bucket is the name of a bucket that is there.
	Bucket string

	// Prefix stands before every key, such as "muster/". Two Stores in one bucket
	// with the same prefix are the same; one prefix must not begin with another.
	Prefix string
}

// validate returns everything that is wrong, joined.
func (c Config) validate() error {
	var errs []error
	if c.Client == nil {
		errs = append(errs, errors.New("config has no Client: make one with NewClient"))
	}
	if c.Bucket == "" {
		errs = append(errs, errors.New("config names no Bucket"))
	}
	if c.Prefix != "" && !strings.HasSuffix(c.Prefix, "/") {
		errs = append(errs, fmt.Errorf("config's Prefix is %q, want it to end in a slash", c.Prefix))
	}
	return errors.Join(errs...)
}

// Store is a lock.Store in a bucket. Make one with Open. Any number of them, on any
// number of machines, may share a bucket and a prefix.
type Store struct {
	client         Client
	bucket, prefix string
	opaque         atomic.Bool // the server's ETags are known not to be MD5s
}

var _ lock.Store = (*Store)(nil)

// Open returns the Store of a bucket after it has found that the server honours
// conditional writes, or else an error that wraps ErrConditions. It costs two
// requests; the first time ever, three.
func Open(ctx context.Context, c Config) (*Store, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("open lock bucket: %w", err)
	}
	s := &Store{client: c.Client, bucket: c.Bucket, prefix: c.Prefix}
	if err := s.probe(ctx); err != nil {
		return nil, fmt.Errorf("open lock bucket %s: %w", c.Bucket, err)
	}
	return s, nil
}

// Load implements lock.Store, with one request; the first one of a bucket whose ETags
// are no MD5s takes two. An object that is no document of this key is lock.ErrDamaged.
func (s *Store) Load(ctx context.Context, key string) ([]byte, lock.Version, error) {
	if err := errors.Join(ctx.Err(), lock.ValidKey(key)); err != nil {
		return nil, "", err
	}
	d, etag, err := s.read(ctx, key)
	if err != nil {
		return nil, "", err
	}
	return d.data, version{etag, d.writes}.name(), nil
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
	d := after(from, key, data)
	etag, doubtful, err := s.write(ctx, s.prefix+key, from.condition(), d.encode())
	switch {
	case err == nil:
		return version{etag, d.writes}.name(), nil
	case fateOf(err) != refused:
		return "", fmt.Errorf("write document %s: %w", key, err)
	}
	return s.resolve(ctx, from, d, doubtful)
}

// resolve finds out what it means that a write was refused: that another one came
// before it, or that it was written and asked for once more. It is doubtful if an
// answer to it was lost before.
func (s *Store) resolve(ctx context.Context, from version, d document, doubtful bool) (lock.Version, error) {
	there, etag, err := s.read(ctx, d.key)
	switch {
	case errors.Is(err, lock.ErrNotFound) && (!doubtful || from.etag != ""):
		return "", lock.ErrConflict // What is not there never was: nothing is deleted.
	case err != nil:
		return "", fmt.Errorf("find out what became of a write of document %s: %w", d.key, err)
	case there.writes[0] == d.writes[0]:
		return version{etag, there.writes}.name(), nil
	case slices.Contains(there.writes, d.writes[0]):
		return "", fmt.Errorf("write document %s: it was written, and replaced by another write since", d.key)
	case from.precedes(there.writes) || !doubtful:
		return "", lock.ErrConflict
	}
	return "", fmt.Errorf("write document %s: no answer, and more than %d writes since: nobody can tell what became of it", d.key, remembered)
}
