package house

import (
	"fmt"
	"go/ast"
	"regexp"
	"strconv"
)

// LawCount is how many laws the module's documentation lists.
const LawCount = 15

var (
	lawTest = regexp.MustCompile(`^TestLaw([0-9]{2})_[A-Z]`)
	almost  = regexp.MustCompile(`^TestLaw[0-9_]`)
)

// Laws returns which laws have no test named after them, and which tests are named
// after a law that does not exist. A law's test is TestLaw04_HoldsAreASet.
func (t *Tree) Laws() []string {
	var complaints []string
	var tested [LawCount + 1]bool
	for _, f := range t.files {
		for _, name := range f.tests() {
			law, ok := lawOf(name)
			switch {
			case ok:
				tested[law] = true
			case almost.MatchString(name):
				complaints = append(complaints, fmt.Sprintf("%s: %s names no law: want TestLaw01_ to TestLaw%02d_", f.path, name, LawCount))
			}
		}
	}
	for law := 1; law <= LawCount; law++ {
		if !tested[law] {
			complaints = append(complaints, fmt.Sprintf("law %d has no test: no test's name begins with TestLaw%02d_", law, law))
		}
	}
	return complaints
}

// tests returns the names of the file's functions that go test runs.
func (f file) tests() []string {
	if !f.test {
		return nil
	}
	var names []string
	for _, d := range f.syntax.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
			names = append(names, fn.Name.Name)
		}
	}
	return names
}

// lawOf returns the number of the law that a test is named after.
func lawOf(test string) (int, bool) {
	m := lawTest.FindStringSubmatch(test)
	if m == nil {
		return 0, false
	}
	law, err := strconv.Atoi(m[1])
	return law, err == nil && law >= 1 && law <= LawCount
}
