package dynamolock

import (
	"crypto/rand"
	"slices"
	"strings"

	"github.com/muster-deploy/muster/lock"
)

const (
	// remembered is how many of its writes a document names: the last ones. They
	// tell whether a write whose answer was lost is among them.
	remembered = 12

	// nameLength is the length of a write's name, in characters of five bits.
	nameLength = 16
)

// writes are the random names of the last writes of a document, newest first. They
// make its version. None is absence.
type writes []string

// name returns the version as the Store's user sees it.
func (w writes) name() lock.Version { return lock.Version(strings.Join(w, " ")) }

// next returns the writes after one more.
func (w writes) next() writes {
	next := append(writes{rand.Text()[:nameLength]}, w...)
	return next[:min(len(next), remembered)]
}

// precede reports whether a document with these writes was certainly an earlier
// state of one with those, which are all there were if they are few.
func (w writes) precede(later writes) bool {
	if len(w) == 0 {
		return len(later) < remembered
	}
	return slices.Contains(later[1:], w[0])
}

// parseVersion reads what name has returned, and reports whether it can have been.
func parseVersion(name lock.Version) (w writes, ok bool) {
	if name == "" {
		return nil, true
	}
	w = strings.Split(string(name), " ")
	return w, len(w) <= remembered && !slices.ContainsFunc(w, func(n string) bool { return !validName(n) })
}

// validName reports whether n is the name of a write.
func validName(n string) bool {
	return len(n) == nameLength && strings.Trim(n, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}
