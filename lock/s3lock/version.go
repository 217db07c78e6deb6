package s3lock

import (
	"slices"
	"strings"

	"github.com/muster-deploy/muster/lock"
)

// version is one state of a document: the ETag to name it by in a condition, and its
// last writes, newest first. The zero version is absence.
type version struct {
	etag   string
	writes []string
}

// name returns the version as the Store's user sees it.
func (v version) name() lock.Version {
	if v.etag == "" {
		return ""
	}
	return lock.Version(v.etag + " " + strings.Join(v.writes, " "))
}

// parseVersion reads what name has returned, and reports whether it can have been.
func parseVersion(name lock.Version) (v version, ok bool) {
	if name == "" {
		return version{}, true
	}
	words := strings.Split(string(name), " ")
	v = version{words[0], words[1:]}
	if v.etag == "" || len(v.writes) == 0 || len(v.writes) > remembered {
		return version{}, false
	}
	return v, !slices.ContainsFunc(v.writes, func(w string) bool { return !validName(w) })
}

// precedes reports whether the version is certainly an earlier state of a document
// with those writes, which are all there were if they are few.
func (v version) precedes(writes []string) bool {
	if v.etag == "" {
		return len(writes) < remembered
	}
	return slices.Contains(writes[1:], v.writes[0])
}
