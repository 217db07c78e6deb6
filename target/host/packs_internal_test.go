package host

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
)

func TestManifestsOfTheLastArtifactsAreKeptAndNoMore(t *testing.T) {
	digest := func(n int) string { return fmt.Sprint("sha256:", n) }
	var k known
	for n := range maxKnown + 2 {
		k.add(&build.Artifact{Digest: digest(n)})
		k.add(&build.Artifact{Digest: digest(0)}) // is seen again and again
	}
	require.Len(t, k.list, maxKnown)
	for n, want := range map[int]bool{0: true, 1: false, 2: false, 3: true, maxKnown + 1: true} {
		_, ok := k.find(digest(n))
		require.Equal(t, want, ok, "the manifest of %d", n)
	}
}

func TestAPacksFileIsClosedByItsLastUser(t *testing.T) {
	a := buildtest.Artifact(map[string]string{"app": "1"})
	p := &Packs{}
	first, err := p.open(t.Context(), whole(a, nil))
	require.NoError(t, err)
	second, err := p.open(t.Context(), whole(a, nil))
	require.NoError(t, err)
	require.Same(t, first, second)
	first.close()
	_, err = first.file.Stat()
	require.NoError(t, err, "somebody sends it still")
	second.close()
	_, err = first.file.Stat()
	require.ErrorIs(t, err, os.ErrClosed)
	require.Empty(t, p.packs)
}
