package platform

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestASlugHasRoomForWhatHerokuTakesAndNoMore(t *testing.T) {
	r := &room{left: 10}
	n, err := r.Write(make([]byte, 10))
	require.NoError(t, err)
	assert.Equal(t, 10, n)
	_, err = r.Write(make([]byte, 1))
	require.ErrorContains(t, err, "larger than the 500 MB that Heroku takes: have the build leave out what the app does not run")
	assert.Equal(t, 500<<20, maxSlug)
}
