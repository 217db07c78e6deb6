package heroku_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// asked counts the requests that f makes.
func (p *place) asked(f func()) (api, others int) {
	before := len(p.Requests())
	f()
	for _, r := range p.Requests()[before:] {
		if strings.Contains(r, " /apps/") {
			api++
		} else {
			others++
		}
	}
	return api, others
}

// The numbers of the package's documentation.
func TestRequestsAreFew(t *testing.T) {
	p := newPlace()
	app := p.open(t)
	ship(t, app, 1, 1)
	count := func(f func()) [2]int {
		api, others := p.asked(f)
		return [2]int{api, others}
	}
	assert.Equal(t, [2]int{4, 0}, count(func() { unit(t, app) }), "observe")
	assert.Equal(t, [2]int{3, 1}, count(func() {
		require.NoError(t, app.Prepare(t.Context(), order(2, 2, target.Forward), numbered(2)))
	}), "prepare, and the upload")
	assert.Equal(t, [2]int{1, 0}, count(func() {
		require.NoError(t, app.Prepare(t.Context(), order(2, 2, target.Forward), numbered(2)))
	}), "prepare what is")
	assert.Equal(t, [2]int{9, 1}, count(func() {
		require.NoError(t, app.Activate(t.Context(), order(2, 2, target.Forward)))
	}), "activate, and the app's own answer")
	assert.Equal(t, [2]int{4, 0}, count(func() {
		require.NoError(t, app.Activate(t.Context(), order(3, 2, target.Again)))
	}), "activate what is")
	assert.Equal(t, [2]int{9, 1}, count(func() {
		require.NoError(t, app.Activate(t.Context(), order(4, 1, target.Backward)))
	}), "roll back")
	p.shop.Polls = 5
	assert.Equal(t, [2]int{9 + 5*3, 1}, count(func() {
		require.NoError(t, app.Activate(t.Context(), order(5, 2, target.Forward)))
	}), "activate, with five polls more")
}

func TestASlugIsStreamed(t *testing.T) {
	const size = 32 << 20
	content := func() io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{7}), size) }
	sum := sha256.New()
	_, err := io.Copy(sum, content())
	require.NoError(t, err)
	procfile := "web: ./shop\n"
	small := sha256.Sum256([]byte(procfile))
	a, err := build.NewArtifact([]build.File{
		{Path: "Procfile", Mode: 0o644, Size: int64(len(procfile)), SHA256: hex.EncodeToString(small[:])},
		{Path: "noise", Mode: 0o644, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))},
	}, func(f build.File) (io.ReadCloser, error) {
		if f.Path == "Procfile" {
			return io.NopCloser(bytes.NewReader([]byte(procfile))), nil
		}
		return io.NopCloser(content()), nil
	})
	require.NoError(t, err)
	p := newPlace()
	app := p.open(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.NoError(t, app.Prepare(t.Context(), target.Order{Number: 1, Release: target.Release{Digest: a.Digest}}, a))
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20), "bytes allocated in all, also by the platform")
	assert.Greater(t, p.shop.Slugs()[0].Size, int64(size))
}
