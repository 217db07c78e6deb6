package house

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tree reads a tree in memory: pairs of a path and the file's content.
func tree(t *testing.T, files ...string) *Tree {
	t.Helper()
	root := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		root[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	read, err := Read(root)
	require.NoError(t, err)
	return read
}

// importing is the content of a file that imports what.
func importing(what string) string { return "package p\n\nimport _ \"" + what + "\"\n" }

func TestImportsRejectsWhatTheHouseForbids(t *testing.T) {
	for _, c := range []struct{ file, imports, why string }{
		{"lock/a.go", module + "/build", `floor "lock" may not use the floor "build"`},
		{"lock/filelock/a.go", module + "/pipeline", `floor "lock" may not use the floor "pipeline"`},
		{"build/a.go", module + "/lock", `floor "build" may not use the floor "lock"`},
		{"build/command/a.go", module + "/target/local", `floor "build" may not use the floor "target"`},
		{"target/a.go", module + "/lock", `floor "target" may not use the floor "lock"`},
		{"target/fleet/a.go", module + "/pipeline", `floor "target" may not use the floor "pipeline"`},
		{"pipeline/a.go", module + "/internal/house", `floor "pipeline" may not use the floor "internal"`},
		{"pipeline/a.go", module, `floor "pipeline" may not use the floor "."`},
		{"doc.go", module + "/pipeline", `floor "." may not use the floor "pipeline"`},
		{"pipeline/a.go", module + "/examples/quickstart", "nothing imports examples"},
		{"pipeline/a_test.go", module + "/examples/quickstart", "nothing imports examples"},
		{"internal/bench/a.go", module + "/examples/quickstart", "nothing imports examples"},
		{"build/command/a.go", module + "/build/internal/tail", "exported API only"},
		{"target/host/a.go", module + "/target/local/internal/x", "exported API only"},
		{"pipeline/a.go", module + "/target/targettest", "only tests and ...test packages use"},
		{"examples/quickstart/main.go", module + "/build/buildtest", "only tests and ...test packages use"},
		{"lock/a.go", "testing", "import testing"},
		{"lock/a.go", "testing/fstest", "import testing"},
		{"examples/quickstart/main.go", "testing", "import testing"},
		{"lock/a.go", testify + "/require", "only tests import testify"},
		{"lock/locktest/a.go", testify + "/require", "only tests import testify"},
		{"lock/a.go", "golang.org/x/sys/unix", "built of the standard library"},
		{"lock/a_test.go", "github.com/google/go-cmp/cmp", "built of the standard library"},
		{"lock/a.go", "golang.org/x/syncother", "built of the standard library"},
		{"lock/a.go", "github.com/aws/aws-sdk-go-v2/aws", "built of the standard library"},
		{"target/local/a.go", "github.com/aws/aws-sdk-go-v2/aws", "built of the standard library"},
	} {
		complaints := tree(t, c.file, importing(c.imports)).Imports()
		require.Len(t, complaints, 1, "%s imports %s", c.file, c.imports)
		assert.Contains(t, complaints[0], c.file+" imports "+c.imports+": ")
		assert.Contains(t, complaints[0], c.why)
	}
}

func TestImportsAllowsWhatTheHouseNeeds(t *testing.T) {
	for _, c := range []struct{ file, imports string }{
		{"lock/a.go", "net/http"},
		{"lock/filelock/a.go", module + "/lock"},
		{"target/a.go", module + "/build"},
		{"pipeline/a.go", module + "/lock"},
		{"pipeline/command/a.go", module + "/target/fleet"},
		{"examples/quickstart/main.go", module + "/pipeline/command"},
		{"build/a.go", sync + "/errgroup"},
		{"build/a.go", module + "/build/internal/tail"},
		{"target/host/a.go", module + "/target/host/internal/script"},
		{"build/a_test.go", module + "/lock/locktest"},
		{"build/a_test.go", testify + "/require"},
		{"build/a_test.go", "testing/synctest"},
		{"target/targettest/a.go", "testing"},
		{"target/targettest/a.go", module + "/build/buildtest"},
		{"target/s3target/a.go", "github.com/aws/aws-sdk-go-v2/service/s3"},
		{"lock/testdata/a.go", module + "/pipeline"},
		{".ci/a.go", module + "/pipeline"},
	} {
		assert.Empty(t, tree(t, c.file, importing(c.imports)).Imports(), "%s imports %s", c.file, c.imports)
	}
}

func TestCommentsFindsPackagesWithoutOrWithTwoComments(t *testing.T) {
	none := tree(t, "lock/a.go", "package lock\n", "lock/a_test.go", "// Package lock is only tested here.\npackage lock\n")
	assert.Equal(t, []string{"lock: 0 files have a package comment, want one"}, none.Comments())
	two := tree(t, "lock/a.go", "// Package lock locks.\npackage lock\n", "lock/b.go", "// Package lock locks.\npackage lock\n")
	assert.Equal(t, []string{"lock: 2 files have a package comment, want one"}, two.Comments())
	detached := tree(t, "lock/a.go", "// Package lock locks.\n\npackage lock\n")
	assert.Len(t, detached.Comments(), 1)
}

func TestCommentsFindsExportedNamesWithout(t *testing.T) {
	source := `// Package lock locks.
package lock

func Bare() {}

// Said does.
func Said() {}

func (*T) Bare() {}

func (*T[A, B]) Generic() {}

func (t) Hidden() {}

func hidden() {}

type T struct{}

type (
	// S says.
	S struct{}
	U struct{}
)

//go:generate nothing
type Directed int

const (
	One = 1
	Two = 2 // twice
	// Three is more.
	Three, four = 3, 4
)

// The block speaks for all.
var (
	Five = 5
	Six  = 6
)

var Seven, eight = 7, 8
`
	var names []string
	for _, c := range tree(t, "lock/a.go", source, "lock/a_test.go", "package lock\n\nfunc TestBare() {}\n").Comments() {
		name, ok := strings.CutSuffix(c, " has no comment")
		require.True(t, ok, c)
		names = append(names, strings.TrimPrefix(name, "lock/a.go: "))
	}
	assert.Equal(t, []string{"Bare", "T.Bare", "T.Generic", "T", "U", "Directed", "One", "Seven"}, names)
}

func TestLawsFindsWhatIsUntestedAndWhatIsMisnamed(t *testing.T) {
	var all strings.Builder
	all.WriteString("package p\n")
	for _, nn := range strings.Fields("01 02 03 04 05 06 07 08 09 10 11 12 13 15 16") {
		all.WriteString("func TestLaw" + nn + "_Holds() {}\n")
	}
	all.WriteString("func TestLaw7_Holds() {}\nfunc (t) TestLaw14_IsAMethod() {}\nfunc TestLawnMower() {}\n")
	complaints := tree(t, "p/a_test.go", all.String(), "p/a.go", "package p\nfunc TestLaw14_Holds() {}\n").Laws()
	require.Len(t, complaints, 3)
	assert.Contains(t, complaints[0], "TestLaw16_Holds names no law")
	assert.Contains(t, complaints[1], "TestLaw7_Holds names no law")
	assert.Contains(t, complaints[2], "law 14 has no test")
}

func TestTopLevelFindsWhatDoesNotBelong(t *testing.T) {
	root := fstest.MapFS{}
	for _, name := range []string{
		"lock/a.go", "build/a.go", "target/a.go", "pipeline/a.go", "examples/a.go", "internal/a.go", "doc.go",
		"go.mod", "go.sum", "README.md", "LICENSE", ".ci/run", ".gitignore", "house_test.go",
	} {
		root[name] = &fstest.MapFile{}
	}
	complaints, err := TopLevel(root)
	require.NoError(t, err)
	assert.Empty(t, complaints)

	for _, name := range []string{"util/a.go", "main.go", "notes.txt", "a_test.go/b"} {
		root[name] = &fstest.MapFile{}
	}
	complaints, err = TopLevel(root)
	require.NoError(t, err)
	require.Len(t, complaints, 4)
	assert.Contains(t, complaints[0], "a_test.go does not belong")
}

func TestReadFailsOnWhatDoesNotParse(t *testing.T) {
	_, err := Read(fstest.MapFS{"lock/a.go": &fstest.MapFile{Data: []byte("package lock\nfunc {")}})
	assert.ErrorContains(t, err, "lock/a.go:2")
}
