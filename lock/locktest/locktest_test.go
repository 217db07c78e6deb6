package locktest

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/lock/filelock"
)

// quick is for stores on this machine, which answer within milliseconds.
var quick = Options{Lease: 600 * time.Millisecond}

func inMemory(testing.TB) Place { return Memory() }

func inFiles(t testing.TB) Place {
	dir := t.TempDir()
	return PlaceFunc(func(context.Context) (lock.Store, error) { return filelock.Open(dir) })
}

// decorated returns places whose stores pass everything on, as a store that counts
// or measures does.
func decorated(place func(testing.TB) Place) func(testing.TB) Place {
	return func(t testing.TB) Place { return opened(func(*faulty) {})(place(t)) }
}

func TestMemoryPasses(t *testing.T) {
	t.Parallel()
	TestStore(t, inMemory, Options{InMemory: true})
}

func TestMemoryPassesBehindADecorator(t *testing.T) {
	t.Parallel()
	TestStore(t, decorated(inMemory), Options{InMemory: true})
}

func TestFilesPass(t *testing.T) {
	t.Parallel()
	TestStore(t, inFiles, quick)
}

func TestFilesPassBehindADecorator(t *testing.T) {
	t.Parallel()
	TestStore(t, decorated(inFiles), quick)
}

func TestASlowNetworkPasses(t *testing.T) {
	t.Parallel()
	TestStore(t, func(testing.TB) Place {
		return opened(func(f *faulty) { f.Store = Lossy(f.Store, Losses{Seed: 1, Delay: 100 * time.Millisecond}) })(Memory())
	}, Options{InMemory: true})
}

// rejections returns the names of the checks that reject a fault.
func rejections(t *testing.T, f Fault) []string {
	var names []string
	for _, c := range Checks() {
		synctest.Test(t, func(t *testing.T) {
			if err := c.Do(t.Context(), f.Break(Memory()), Options{}); err != nil {
				t.Logf("%s: %s: %s: %v", f.Name, c.Name, c.Promise, err)
				names = append(names, c.Name)
			}
		})
	}
	return names
}

func TestEveryFaultIsRejectedAndEveryCheckRejectsOne(t *testing.T) {
	missing := map[string]bool{}
	for _, c := range Checks() {
		missing[c.Name] = true
	}
	names := map[string]bool{}
	for _, f := range Faults() {
		by := rejections(t, f)
		t.Logf("== %s (%s) is rejected by %q", f.Name, f.Mistake, by)
		assert.NotEmpty(t, by, "%s: %s", f.Name, f.Mistake)
		assert.False(t, names[f.Name], "two faults are called %s", f.Name)
		names[f.Name] = true
		for _, name := range by {
			delete(missing, name)
		}
	}
	assert.Empty(t, missing, "checks that find nothing")
	assert.GreaterOrEqual(t, len(names), 12)
}

func TestAFaultIsRejectedByTheCheckThatIsThereForIt(t *testing.T) {
	want := map[string]string{
		"etag as version": "a-b-a", "check then write": "lost update", "conflict after write": "linearizable",
		"stale read": "fresh", "torn read": "linearizable", "counts from its start": "durable",
		"error as absence": "ended context", "shares slices": "slices", "truncates": "large",
	}
	for _, f := range Faults() {
		if check, ok := want[f.Name]; ok {
			assert.True(t, slices.Contains(rejections(t, f), check), "%s by %s", f.Name, check)
			delete(want, f.Name)
		}
	}
	assert.Empty(t, want)
}
