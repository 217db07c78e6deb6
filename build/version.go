package build

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// Met says whether the version that is there is one that is asked for. The empty
// Version is met by any. Else it is one of
//
//	3.2.2  v20.1  ruby-3.2     that version, or one that begins with it: 3.2 is met by 3.2.4
//	20.x  3.2.*                the same
//	>=18 <21,  >= 3.0, < 3.3   all of several comparisons: = != > >= < <=
//	^20.1                      up to the next number that is not zero: 20.1 to below 21
//	~3.2.1                     up to the second number: 3.2.1 to below 3.3
//	~> 3.2                     up to the last number but one: 3.2 to below 4
//	18.2 - 20                  from the first on, up to all that begin with the second
//	18.x || >=20.1             one or the other
//
// It is the language of npm's package.json with the ~> of RubyGems. In comparisons a
// short version stands for all that begin with it, as npm has it: 3.2.9 meets <=3.2
// and not >3.2. A pre-release comes before its release, and meets a comparison like
// any other version: 3.4.0-rc1 meets 3.4, and neither 3.4.0 nor >=3.4.0. What is none of
// this is met by the same text only.
//
// See https://docs.npmjs.com/cli/configuring-npm/package-json#engines and
// https://guides.rubygems.org/patterns/#declaring-dependencies.
func (t Tool) Met(have string) bool {
	if t.Version == "" || have == t.Version {
		return true
	}
	if t.Name == "java" {
		have = strings.TrimPrefix(have, "1.") // Java 8 calls itself 1.8.
	}
	v, ok := parseVersion(have)
	if !ok || v.wild {
		return false
	}
	for one := range strings.SplitSeq(t.Version, "||") {
		if all, ok := parseComparisons(one); ok && all.met(v) {
			return true
		}
	}
	return false
}

// version is a parsed version: numbers, and what follows a dash after them.
type version struct {
	numbers []int
	pre     string
	wild    bool // it ended with an x or a star
}

// written is how a version is written: a word in front, numbers, the patch level of
// a Ruby, a pre-release, as Ruby itself writes it or after a dash or a dot, and build
// metadata, which counts for nothing.
var written = regexp.MustCompile(`^(?:[A-Za-z]+-|v)?(\d{1,9}(?:\.\d{1,9})*)((?:\.[xX*])*)(?:p\d+|_\d+)?` +
	`(?:[-.]([A-Za-z][0-9A-Za-z.-]*)|((?:preview|rc|alpha|beta|dev)[0-9.]*))?(?:\+[0-9A-Za-z.-]*)?$`)

// parseVersion reads one version; a lone x or star has no numbers.
func parseVersion(s string) (version, bool) {
	if s == "*" || s == "x" || s == "X" {
		return version{wild: true}, true
	}
	m := written.FindStringSubmatch(s)
	if m == nil {
		return version{}, false
	}
	v := version{pre: m[3] + m[4], wild: m[2] != ""}
	for n := range strings.SplitSeq(m[1], ".") {
		i, err := strconv.Atoi(n)
		if err != nil {
			return version{}, false
		}
		v.numbers = append(v.numbers, i)
	}
	return v, true
}

// compare orders versions; missing numbers are zero, and a pre-release comes before
// its release.
func (v version) compare(o version) int {
	for i := range max(len(v.numbers), len(o.numbers)) {
		if c := cmp.Compare(v.number(i), o.number(i)); c != 0 {
			return c
		}
	}
	switch {
	case v.pre == o.pre:
		return 0
	case v.pre == "":
		return 1
	case o.pre == "":
		return -1
	}
	return comparePre(v.pre, o.pre)
}

// piece is a word or a number of a pre-release.
var piece = regexp.MustCompile(`\d{1,9}|[^\d.-]+`)

// comparePre orders pre-releases piece by piece: rc2 comes before rc10.
func comparePre(a, b string) int {
	one, two := piece.FindAllString(a, -1), piece.FindAllString(b, -1)
	for i := range min(len(one), len(two)) {
		n, err1 := strconv.Atoi(one[i])
		m, err2 := strconv.Atoi(two[i])
		c := strings.Compare(one[i], two[i])
		if err1 == nil && err2 == nil {
			c = cmp.Compare(n, m)
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(len(one), len(two)), strings.Compare(a, b))
}

// number returns the number at a place, zero where there is none.
func (v version) number(i int) int {
	if i < len(v.numbers) {
		return v.numbers[i]
	}
	return 0
}

// begins says whether v is what the short version o stands for. One with three numbers
// is no short one: no pre-release is meant by it.
func (v version) begins(o version) bool {
	for i, n := range o.numbers {
		if v.number(i) != n {
			return false
		}
	}
	return v.pre == o.pre || o.pre == "" && len(o.numbers) < 3
}

// next returns the first version after all that share the first n numbers of v.
func (v version) next(n int) version {
	up := version{numbers: append([]int(nil), v.numbers[:n]...)}
	up.numbers[n-1]++
	return up
}

// comparison is one condition on a version.
type comparison struct {
	operator string
	than     version
}

// comparisons are conditions that all have to hold.
type comparisons []comparison

// met says whether v meets all of them.
func (all comparisons) met(v version) bool {
	for _, c := range all {
		if !c.met(v) {
			return false
		}
	}
	return true
}

// met judges one.
func (c comparison) met(v version) bool {
	if len(c.than.numbers) == 0 {
		return c.operator != "!=" && c.operator != "<" && c.operator != ">"
	}
	above := v.compare(c.than) >= 0
	switch c.operator {
	case "!=":
		return !v.begins(c.than)
	case ">=":
		return above
	case "<":
		return !above
	case ">":
		return above && !v.begins(c.than)
	case "<=":
		return !above || v.begins(c.than)
	case "^", "~", "~>":
		return above && v.compare(c.ceiling()) < 0
	}
	return v.begins(c.than)
}

// ceiling is the first version that a caret or a tilde does not let through.
func (c comparison) ceiling() version {
	n := len(c.than.numbers)
	switch c.operator {
	case "^":
		for i, number := range c.than.numbers {
			if number != 0 {
				return c.than.next(i + 1)
			}
		}
		return c.than.next(n)
	case "~":
		return c.than.next(min(2, n))
	}
	return c.than.next(max(1, n-1)) // ~>
}

var (
	hyphen  = regexp.MustCompile(`^\s*(\S+)\s+-\s+(\S+)\s*$`)
	compare = regexp.MustCompile(`^[\s,]*(~>|>=|<=|!=|==|=|>|<|\^|~)?\s*([^\s,<>=!~^]+)`)
)

// parseComparisons reads what stands between two "||".
func parseComparisons(s string) (comparisons, bool) {
	if m := hyphen.FindStringSubmatch(s); m != nil {
		from, ok1 := parseVersion(m[1])
		to, ok2 := parseVersion(m[2])
		return comparisons{{">=", from}, {"<=", to}}, ok1 && ok2
	}
	var all comparisons
	for strings.Trim(s, " \t,") != "" {
		m := compare.FindStringSubmatch(s)
		if m == nil {
			return nil, false
		}
		v, ok := parseVersion(m[2])
		if !ok {
			return nil, false
		}
		all = append(all, comparison{m[1], v})
		s = s[len(m[0]):]
	}
	return all, len(all) > 0
}
