// Package filelock keeps the documents of a lock.Store in a directory, for the
// processes of one host:
//
//	store, err := filelock.Open("/var/lib/muster")
//	if err != nil {
//		return err
//	}
//	lease, err := lock.Acquire(ctx, store, "web/lease", lock.Options{})
//
// Each document is a file that people can read: one line that names it, its
// version, its length and its checksum, and then the document itself. A write goes
// to a temporary name, which is synced and renamed over the old one, and then the
// directory is synced; a lock file keeps writers of one document apart. Killed at
// any step, or with the power cut before anything that was not synced reached the
// disk, a document is the old one or the new one.
//
// The directory must be on a file system of this host: over a network, locks and
// renames do not mean the same. Nothing in it may be deleted but the whole: the
// version of a document lives in its file.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muster-deploy/muster/lock"
)

// patience is how long a Swap waits for other writers of its document, if its
// context does not end before: a writer needs milliseconds, and one that was stopped
// in between must not stop all others for ever.
const patience = 10 * time.Second

// Store is a lock.Store on a directory. Make one with Open. Any number of them, in
// any number of processes of a host, may share a directory.
type Store struct {
	files    files
	patience time.Duration

	mu   sync.Mutex
	keys map[string]*local
}

// local is what this Store knows about one key.
type local struct {
	turn    chan struct{} // held by the goroutine that writes, so that others queue here
	durable atomic.Uint64 // the last version that this Store has made durable
}

var _ lock.Store = (*Store)(nil)

// Open returns the Store of the directory, which it creates if it is not there.
func Open(dir string) (*Store, error) {
	d, err := openDirectory(dir)
	if err != nil {
		return nil, fmt.Errorf("open lock directory: %w", err)
	}
	return newStore(d), nil
}

func newStore(f files) *Store {
	return &Store{files: f, patience: patience, keys: map[string]*local{}}
}

// Load implements lock.Store. It waits for no writer. A document whose file is
// damaged is lock.ErrDamaged.
func (s *Store) Load(ctx context.Context, key string) ([]byte, lock.Version, error) {
	if err := errors.Join(ctx.Err(), lock.ValidKey(key)); err != nil {
		return nil, "", err
	}
	d, err := s.read(key)
	if err != nil {
		return nil, "", err
	}
	if err := s.settle(d); err != nil {
		return nil, "", err
	}
	return d.data, d.name(), nil
}

// Swap implements lock.Store. It waits for other writers of the same document until
// ctx ends, ten seconds at most. A document whose file is damaged is
// lock.ErrDamaged, and stays as it is.
func (s *Store) Swap(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
	if err := errors.Join(ctx.Err(), lock.Check(key, data)); err != nil {
		return "", err
	}
	unlock, err := s.lock(ctx, key)
	if err != nil {
		return "", fmt.Errorf("lock document %s: %w", key, err)
	}
	defer unlock()
	current, err := s.read(key)
	switch {
	case errors.Is(err, lock.ErrNotFound):
		current = document{}
	case err != nil:
		return "", err
	case current.version == math.MaxUint64-1:
		return "", fmt.Errorf("swap document %s: %w: no version is left", key, lock.ErrDamaged)
	}
	if current.name() != old {
		return "", lock.ErrConflict
	}
	next := document{key: key, version: current.version + 1, data: data}
	if err := s.write(next); err != nil {
		return "", fmt.Errorf("write document %s: %w", key, err)
	}
	s.local(key).durable.Store(next.version)
	return next.name(), nil
}

// lock makes this goroutine the only writer of a document, among those of this
// Store first, and then among processes.
func (s *Store) lock(ctx context.Context, key string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.patience, fmt.Errorf("another writer has held it for %s", s.patience))
	defer cancel()
	turn := s.local(key).turn
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	release, err := s.files.Lock(ctx, filename(key)+".lock")
	if err != nil {
		<-turn
		return nil, err
	}
	return func() { release(); <-turn }, nil
}

// read returns the document of a key as its file says it.
func (s *Store) read(key string) (document, error) {
	data, err := s.files.Read(filename(key)+".doc", lock.MaxDocument+maxHeader)
	if errors.Is(err, fs.ErrNotExist) {
		return document{}, lock.ErrNotFound
	}
	if err != nil {
		return document{}, fmt.Errorf("read document %s: %w", key, err)
	}
	d, err := parse(data)
	if err == nil && d.key != key {
		err = fmt.Errorf("%w: it is document %s", lock.ErrDamaged, d.key)
	}
	if err != nil {
		return document{}, fmt.Errorf("read document %s: %s: %w", key, s.files, err)
	}
	return d, nil
}

// settle makes a document that was read durable before anybody is told of it. Its
// writer may have been killed before it could sync the directory, and what somebody
// has acted on must not be gone after a power cut. It costs nothing when this Store
// has seen the version before.
func (s *Store) settle(d document) error {
	durable := &s.local(d.key).durable
	known := durable.Load()
	if known >= d.version {
		return nil
	}
	if err := s.files.Sync(); err != nil {
		return fmt.Errorf("sync document %s: %w", d.key, err)
	}
	for known < d.version && !durable.CompareAndSwap(known, d.version) {
		known = durable.Load()
	}
	return nil
}

// write puts a document in the place of the one before. Until the rename any error,
// such as a full disk, leaves the old one; after it the outcome is unknown.
func (s *Store) write(d document) error {
	name := filename(d.key)
	if err := s.writeFile(name+".tmp", d.encode()); err != nil {
		// What is left would be overwritten by the next; remove it for a full disk's sake.
		return errors.Join(err, s.files.Remove(name+".tmp"))
	}
	if err := s.files.Rename(name+".tmp", name+".doc"); err != nil {
		return err
	}
	return s.files.Sync()
}

// writeFile creates a file whose bytes are on the disk when it returns.
func (s *Store) writeFile(name string, data []byte) error {
	f, err := s.files.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// local returns what this Store knows about a key.
func (s *Store) local(key string) *local {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.keys[key]
	if l == nil {
		l = &local{turn: make(chan struct{}, 1)}
		s.keys[key] = l
	}
	return l
}

// filename returns the name of a key's files, without their suffix. A comma is in no
// key, so no two keys have the same.
func filename(key string) string { return strings.ReplaceAll(key, "/", ",") }
