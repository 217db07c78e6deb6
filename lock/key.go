package lock

import (
	"errors"
	"fmt"
	"strings"
)

// MaxKey is the length of the longest key, in bytes: short enough to be a file's
// name on every system, with room for a suffix.
const MaxKey = 200

// ErrKey says that a key does not follow the grammar of keys.
var ErrKey = errors.New("lock: not a key")

// ValidKey returns nil if key is made of segments of [A-Za-z0-9._-] joined by
// single slashes, none of them "." or "..", and has at most MaxKey bytes; else an
// error that wraps ErrKey. Every Store refuses other keys, so that none of them can
// be led out of its directory or bucket, and what works on one store works on all.
func ValidKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("%w: it is empty", ErrKey)
	case len(key) > MaxKey:
		return fmt.Errorf("%w: %.40q... has %d bytes, at most %d are allowed", ErrKey, key, len(key), MaxKey)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." || segment == ".." || strings.ContainsFunc(segment, foreign) {
			return fmt.Errorf("%w: %q has the segment %q, want [A-Za-z0-9._-]+ other than \".\" and \"..\"", ErrKey, key, segment)
		}
	}
	return nil
}

// foreign reports whether r has no place in a segment of a key.
func foreign(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return r != '.' && r != '_' && r != '-'
}

// Check returns what is wrong with a request to write data under key: a key outside
// the grammar, or more than MaxDocument bytes. A Store calls it before it writes.
func Check(key string, data []byte) error {
	if err := ValidKey(key); err != nil {
		return err
	}
	if len(data) > MaxDocument {
		return fmt.Errorf("lock: document %s has %d bytes, at most %d are kept", key, len(data), MaxDocument)
	}
	return nil
}
