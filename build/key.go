package build

import (
	"fmt"
	"strings"
)

// maxKey is the longest key, in bytes.
const maxKey = 512

// CheckKey says whether key may name something in a Store: segments of
// [A-Za-z0-9._-], none of them "." or "..", joined by single slashes, up to 512
// bytes in all. Every Store refuses what it refuses.
func CheckKey(key string) error {
	if len(key) > maxKey {
		return fmt.Errorf("key %.40q... is longer than %d bytes", key, maxKey)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." || segment == ".." || strings.ContainsFunc(segment, notInKey) {
			return fmt.Errorf("key %q: want segments of A-Z a-z 0-9 . _ - joined by single slashes", key)
		}
	}
	return nil
}

// notInKey says that a segment of a key may not hold r.
func notInKey(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
}
