package muster_test

import (
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/internal/house"
)

// source reads this module.
func source(t *testing.T) *house.Tree {
	t.Helper()
	tree, err := house.Read(os.DirFS("."))
	require.NoError(t, err)
	return tree
}

// none wants no complaints.
func none(t *testing.T, complaints []string) {
	t.Helper()
	for _, c := range complaints {
		t.Error(c)
	}
}

func TestImportsGoUpTheHouseOnly(t *testing.T) {
	none(t, source(t).Imports())
}

func TestEveryPackageAndEveryExportedNameHasAComment(t *testing.T) {
	none(t, source(t).Comments())
}

func TestEveryLawHasATest(t *testing.T) {
	none(t, source(t).Laws())
}

func TestEveryFaultIsOneOfTheCodeAsItIs(t *testing.T) {
	patches, err := filepath.Glob(".ci/faults/*.patch")
	require.NoError(t, err)
	assert.GreaterOrEqual(t, len(patches), house.LawCount)
	for _, patch := range patches {
		text, err := os.ReadFile(patch)
		require.NoError(t, err)
		for _, line := range regexp.MustCompile(`(?m)^--- a/(.*)$`).FindAllSubmatch(text, -1) {
			assert.FileExists(t, string(line[1])) // and the go tool sees that the test depends on it
		}
		out, err := exec.Command("git", "apply", "--check", patch).CombinedOutput()
		assert.NoError(t, err, "make the fault anew, as .ci/faults/run says: %s", out)
	}
}

func TestTheDocumentationListsEveryLaw(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	require.NoError(t, err)
	laws := regexp.MustCompile(`(?m)^ {1,2}[0-9]+\. `).FindAllString(f.Doc.Text(), -1)
	assert.Len(t, laws, house.LawCount)
}

func TestTheTopLevelHoldsNothingElse(t *testing.T) {
	complaints, err := house.TopLevel(os.DirFS("."))
	require.NoError(t, err)
	none(t, complaints)
}
