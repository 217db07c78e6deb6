package lock

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAGrantSaysItselfInASentence(t *testing.T) {
	g := Grant{Epoch: 12, Holder: "web-1 pid 4711", Since: time.Date(2026, 5, 1, 17, 0, 5, 0, time.UTC)}
	assert.Equal(t, "held by web-1 pid 4711 since 2026-05-01 17:00:05 UTC (epoch 12)", g.String())
	g.TakenFrom = "web-0 pid 1"
	assert.Equal(t, "held by web-1 pid 4711 since 2026-05-01 17:00:05 UTC (epoch 12), taken from web-0 pid 1", g.String())
	g.Released, g.TakenFrom = true, ""
	assert.Equal(t, "released by web-1 pid 4711 (epoch 12)", g.String())
}

func TestAGrantWithFieldsOfALaterTimeIsRead(t *testing.T) {
	g, err := parseGrant([]byte(`{"epoch":3,"nonce":"n","holder":"h","duration":1000,"colour":"green"}`))
	require.NoError(t, err)
	assert.Equal(t, uint64(3), g.Epoch)
}

func FuzzAGrantThatIsReadIsWrittenAndReadTheSame(f *testing.F) {
	f.Add([]byte(`{"epoch":3,"nonce":"n","holder":"h","since":"2026-05-01T12:00:00Z","duration":1000,"renewed":4,"taken_from":"x"}`))
	f.Add([]byte(`{"epoch":3,"nonce":"n","duration":1000,"released":true}`))
	f.Add([]byte(`{"epoch":1e3,"nonce":"n","duration":1}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := parseGrant(data)
		if err != nil {
			assert.ErrorIs(t, err, ErrDamaged)
			return
		}
		assert.NotZero(t, g.Epoch)
		assert.NotZero(t, g.Epoch+1, "the next epoch is greater")
		assert.NotEmpty(t, g.Nonce)
		assert.Positive(t, g.expiry())
		again, err := json.Marshal(g)
		require.NoError(t, err)
		back, err := parseGrant(again)
		require.NoError(t, err)
		assert.True(t, g.Since.Equal(back.Since))
		g.Since, back.Since = time.Time{}, time.Time{}
		assert.Equal(t, g, back)
	})
}
