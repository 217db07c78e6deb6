package lock

import (
	"context"
	"errors"
)

// MaxDocument is the largest document, in bytes, that a Store must accept.
const MaxDocument = 256 << 10

var (
	// ErrNotFound says that there is no document under a key.
	ErrNotFound = errors.New("lock: no such document")

	// ErrConflict says that a document has another version than the caller
	// expected: somebody else wrote it. Nothing was written.
	ErrConflict = errors.New("lock: document was changed by somebody else")
)

// Version names one state of one document. It is opaque: compare versions for
// equality only. The empty Version stands for absence.
type Version string

// Store keeps small documents (up to MaxDocument), linearizable per key: leases,
// records, history pages. It is all that a team must bring to share pipelines
// between machines.
//
// Every method may be called by many goroutines at once. Implementations do not
// retain or change the slices they are given, and return slices that the caller
// may keep and change.
//
// Keys are made of segments of [A-Za-z0-9._-] joined by single slashes (ValidKey); a
// key is never a directory of another one's ("a" and "a/b" are not used together),
// nor the same but for upper and lower case. Requests for other keys, and documents
// that are too large, are refused with nothing done (Check). A request whose context
// has ended before is refused too, with an error that wraps the context's.
//
// The package locktest holds the conformance suite.
type Store interface {
	// Load returns the document under key and its version, or ErrNotFound. It
	// returns what the last completed Swap wrote, never anything older.
	Load(ctx context.Context, key string) ([]byte, Version, error)

	// Swap writes data under key if the version of the document is still old ("":
	// if there is none) and returns the new version, or ErrConflict when it is
	// not. A key never has the same version twice, whatever its content: a
	// document that goes from A to B and back to A has had three versions.
	//
	// After any other error the outcome is unknown: data may have been written,
	// or may still be. The caller finds out by reading the document back.
	Swap(ctx context.Context, key string, old Version, data []byte) (Version, error)
}
