package s3target_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/s3target"
)

type edge struct {
	references []string
	paths      []string
	fail       error
}

func (e *edge) Invalidate(_ context.Context, reference string, paths []string) error {
	e.references, e.paths = append(e.references, reference), paths
	return e.fail
}

func TestExactlyWhatChangedIsInvalidated(t *testing.T) {
	e := &edge{}
	r := open(t, s3target.Config{Invalidator: e, Fallbacks: []string{"/app/*"}})
	r.ship(site(map[string]string{"index.html": "1", "a b.txt": "1", "same.txt": "1", "docs/index.html": "1"}))
	r.ship(site(map[string]string{"index.html": "2", "a b.txt": "2", "same.txt": "1", "docs/index.html": "2"}))
	assert.Equal(t, []string{"/", "/a%20b.txt", "/app/*", "/docs/", "/docs/index.html", "/index.html"}, e.paths)
	assert.Len(t, e.references, 2)
	assert.NotEqual(t, e.references[0], e.references[1])
}

func TestAFailedInvalidationIsAWarning(t *testing.T) {
	r := open(t, s3target.Config{Invalidator: &edge{fail: errors.New("no edge today")}})
	a := numbered(1)
	require.NoError(t, r.Prepare(t.Context(), r.order(a), a))
	o := r.order(a)
	var mu sync.Mutex
	said := ""
	o.Report = func(p target.Progress) {
		mu.Lock()
		defer mu.Unlock()
		said += p.Message
	}
	require.NoError(t, r.Activate(t.Context(), o))
	assert.Contains(t, said, "no edge today")
}
