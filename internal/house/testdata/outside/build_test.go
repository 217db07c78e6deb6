package deployer

import (
	"testing"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
)

// TestStore runs the suite on a store.
func TestStore(t *testing.T) {
	buildtest.TestStore(t, func(t *testing.T) buildtest.StorePlace {
		dir := t.TempDir()
		return buildtest.StorePlace{Open: func() (build.Store, error) { return build.OpenDirStore(dir) }}
	})
}

// TestBuilder runs the suite on a builder.
func TestBuilder(t *testing.T) {
	fake := buildtest.Builder{Script: buildtest.Script{
		Files: map[string]string{"page.html": "hello"},
		Log:   "built\n",
		Delay: 100 * time.Millisecond,
	}}
	buildtest.TestBuilder(t, buildtest.BuilderPlace{
		New:  func() (build.Builder, error) { return fake, nil },
		Tree: func(dir string) error { return buildtest.WriteTree(dir, map[string]string{"source": "hello"}) },
	})
}

// TestBuilds makes artifacts with the fake workshop.
func TestBuilds(t *testing.T) {
	var builds buildtest.Builds
	a, err := builds.Artifact(t.Context(), "3f9a1c0", nil)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := builds.Open(t.Context(), a.Digest); err != nil || again.Digest != a.Digest {
		t.Errorf("opened %v: %v", again, err)
	}
}
