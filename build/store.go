package build

import (
	"context"
	"errors"
	"io"
)

var (
	// ErrNotFound says that a Store holds nothing under a key, or a Workshop no
	// artifact of a digest.
	ErrNotFound = errors.New("build: not found")

	// ErrCorrupt says that bytes are not what their manifest says.
	ErrCorrupt = errors.New("build: content differs from its manifest")
)

// Store keeps immutable bytes: packs, manifests, closed logs. Every method may be
// called by many goroutines and processes at once. Keys are made as those of a
// lock.Store: segments of [A-Za-z0-9._-] joined by single slashes.
type Store interface {
	// Put keeps all that r yields under key, whole or not at all: after an error,
	// or when r fails, nothing is there that was not there before. What was under
	// key before is replaced.
	Put(ctx context.Context, key string, r io.Reader) error

	// Get opens what is under key, or returns ErrNotFound.
	Get(ctx context.Context, key string) (io.ReadCloser, error)

	// Delete removes what is under key. It is no error when nothing is there.
	Delete(ctx context.Context, key string) error
}
