package owntarget_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/examples/owntarget/step1"
	"github.com/muster-deploy/muster/examples/owntarget/step2"
	"github.com/muster-deploy/muster/examples/owntarget/step3"
	"github.com/muster-deploy/muster/examples/owntarget/step4"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// place is a directory in which one target after the other is opened.
type place struct {
	dir  string
	open func(dir string) target.Target
}

func (p place) Open() (target.Target, error) { return p.open(p.dir), nil }

// Drift makes the place a targettest.Drifter.
func (p place) Drift(string) {
	if err := os.Remove(p.dir + "/current"); err != nil && !os.IsNotExist(err) {
		panic(err)
	}
}

// steps are the guide's, in order.
var steps = []func(dir string) target.Target{
	func(dir string) target.Target { return &step1.Site{Dir: dir} },
	func(dir string) target.Target { return &step2.Site{Dir: dir} },
	func(dir string) target.Target { return &step3.Site{Dir: dir} },
	func(dir string) target.Target { return &step4.Site{Dir: dir} },
}

func TestASitePassesTheSuite(t *testing.T) {
	targettest.TestTarget(t, func(t targettest.TB) targettest.Place { return place{t.TempDir(), steps[3]} })
}

// guide is the text, cut into its steps.
func guide(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	parts := strings.Split(string(text), "\n## ")
	require.Len(t, parts, len(steps)+2, "a beginning, the steps, and an end")
	return parts[1 : len(steps)+1]
}

func TestTheGuideSaysWhatTheSuiteSaysAfterEachStep(t *testing.T) {
	for i, text := range guide(t) {
		t.Run(fmt.Sprintf("step %d", i+1), func(t *testing.T) {
			t.Parallel()
			wrong := targettest.Complaints(t, func(t targettest.TB) targettest.Place { return place{t.TempDir(), steps[i]} })
			if i == 2 { // which of two deployers comes last is a matter of luck
				wrong["stale and new orders at once end with the new one"] = nil
			}
			all := len(targettest.Checks())
			assert.Contains(t, text, fmt.Sprintf("%d of %d checks pass", all-len(wrong), all))
			for _, said := range regexp.MustCompile(`(?m)^    - (.+)$`).FindAllStringSubmatch(text, -1) {
				assert.Contains(t, wrong, said[1], "the guide says that this check fails")
			}
			t.Log(slices.Sorted(maps.Keys(wrong)))
		})
	}
}

func TestTheCodeInTheGuideIsTheCodeInTheSteps(t *testing.T) {
	for i, text := range guide(t) {
		code, err := os.ReadFile(fmt.Sprintf("step%d/site.go", i+1))
		require.NoError(t, err)
		blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(text, -1)
		require.NotEmpty(t, blocks, "step %d", i+1)
		for _, b := range blocks {
			assert.Contains(t, string(code), b[1], "step %d", i+1)
		}
	}
}
