package pipeline

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
)

func TestLaw09_TheRecordRefusesADeployerThatWasOvertaken(t *testing.T) {
	store := &lock.Memory{}
	e := &Engine{c: Config{Name: "web"}.withDefaults(), desk: desk{store: store, name: "web"}}
	require.NoError(t, e.create(t.Context()))
	s := newSession(t.Context(), t.Context(), e)
	r, err := e.desk.swap(t.Context(), func(r *Record) error { return r.claim("l", 1, "old") })
	require.NoError(t, err)
	s.epoch = r.Epoch
	_, err = s.swap(func(r *Record) error { r.order(1); return nil })
	require.NoError(t, err)
	_, err = e.desk.swap(t.Context(), func(r *Record) error { return r.claim("l", 2, "new") })
	require.NoError(t, err)
	_, err = s.swap(func(r *Record) error { r.order(1); return nil })
	assert.ErrorIs(t, err, lock.ErrLost)
	_, err = s.load()
	assert.ErrorIs(t, err, lock.ErrLost)
	r, _, err = e.desk.load(t.Context())
	require.NoError(t, err)
	assert.Equal(t, uint64(1), r.Number, "it wrote nothing")
}
