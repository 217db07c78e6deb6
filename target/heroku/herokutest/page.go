package herokutest

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
)

// item is one entry of a list, and what it is sorted by.
type item struct {
	key   string
	value any
}

// ranged is the Range header: "version ]12..; order=desc,max=100".
var ranged = regexp.MustCompile(`^(\w+) (?:(\]?)([^\]. ]+))?\.\.(?:; *(.*))?$`)

var (
	maxOf = regexp.MustCompile(`\bmax=(\d+)`)
	desc  = regexp.MustCompile(`\border=desc\b`)
)

// page answers with the part of a list that is asked for, up to 200 entries by itself and
// 1,000 at most; entries are in ascending order.
func page(w http.ResponseWriter, r *http.Request, by string, all []item) {
	most, order, from := 200, "asc", 0
	if asked := r.Header.Get("Range"); asked != "" {
		m := ranged.FindStringSubmatch(asked)
		if m == nil || m[1] != by {
			refuse(w, http.StatusRequestedRangeNotSatisfiable, "requested_range_not_satisfiable", "Invalid Range header.")
			return
		}
		if desc.MatchString(m[4]) {
			order = "desc"
			slices.Reverse(all)
		}
		if n := maxOf.FindStringSubmatch(m[4]); n != nil {
			most, _ = strconv.Atoi(n[1])
		}
		from = start(all, m[2] == "]", m[3])
	}
	part := all[from:min(len(all), from+min(max(most, 1), 1000))]
	values := []any{}
	for _, i := range part {
		values = append(values, i.value)
	}
	status := http.StatusOK
	if from+len(part) < len(all) {
		status = http.StatusPartialContent
		w.Header().Set("Next-Range", fmt.Sprintf("%s ]%s..; order=%s,max=%d", by, part[len(part)-1].key, order, most))
	}
	say(w, status, values)
}

// start finds where a page begins: at a key, or after it.
func start(all []item, after bool, key string) int {
	if key == "" {
		return 0
	}
	i := slices.IndexFunc(all, func(i item) bool { return i.key == key })
	switch {
	case i < 0:
		return len(all)
	case after:
		return i + 1
	}
	return i
}
