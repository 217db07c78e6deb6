package toolchain

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// named finds the versions that a requirement mentions, and the pre-releases among them.
var (
	named = regexp.MustCompile(`\d{1,9}(?:\.\d{1,9})*`)
	early = regexp.MustCompile(named.String() + `[-.]?[A-Za-z][0-9A-Za-z.]*`)
)

// compatible says whether some version meets both requirements. Each stands for a
// few intervals whose ends are versions that it mentions or the next ones after
// those; where two intervals meet, the lower end of one of them lies in both.
func compatible(a, b string) bool {
	for _, v := range append(early.FindAllString(a, -1), early.FindAllString(b, -1)...) {
		if (build.Tool{Version: a}).Met(v) && (build.Tool{Version: b}).Met(v) {
			return true
		}
	}
	for _, mentioned := range append(named.FindAllString(a, -1), named.FindAllString(b, -1)...) {
		for _, v := range around(mentioned) {
			if (build.Tool{Version: a}).Met(v) && (build.Tool{Version: b}).Met(v) {
				return true
			}
		}
	}
	return a == b || floating(a) || floating(b)
}

// around returns a version, in full, and those right after it, one for each of its
// numbers.
func around(v string) []string {
	parts := strings.Split(v, ".")
	for len(parts) < 3 {
		parts = append(parts, "0")
	}
	near := []string{strings.Join(parts, ".")}
	for i := range parts {
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			continue
		}
		up := slices.Clone(parts)
		up[i] = strconv.Itoa(n + 1)
		for j := i + 1; j < len(up); j++ {
			up[j] = "0"
		}
		near = append(near, strings.Join(up, "."))
	}
	return near
}
