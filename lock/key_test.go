package lock

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestKeysAreSegmentsJoinedBySingleSlashes(t *testing.T) {
	for _, key := range []string{"a", "a/b", "payments/web/lease", "A-z_0.9", "...", ".hidden", "a/..b", strings.Repeat("k", MaxKey)} {
		assert.NoError(t, ValidKey(key))
	}
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/.", "a b", "a\\b", "a\x00", "a\n", "ä", "a%2fb", "C:a", "~", "\xff",
		strings.Repeat("k", MaxKey+1),
	} {
		assert.ErrorIs(t, ValidKey(key), ErrKey, "%q", key)
	}
}

func TestDocumentsOfMoreThanTheLargestAreRefused(t *testing.T) {
	assert.NoError(t, Check("a", make([]byte, MaxDocument)))
	assert.ErrorContains(t, Check("a", make([]byte, MaxDocument+1)), "262145 bytes")
	assert.ErrorIs(t, Check("..", nil), ErrKey)
}

func FuzzAKeyThatIsValidStaysInItsPlace(f *testing.F) {
	f.Add("payments/web")
	f.Add("../../etc/passwd")
	f.Add("a/./b")
	f.Fuzz(func(t *testing.T, key string) {
		if ValidKey(key) != nil {
			return
		}
		assert.NotContains(t, key, "//")
		assert.NotContains(t, "/"+key+"/", "/../")
		assert.NotContains(t, "/"+key+"/", "/./")
		assert.LessOrEqual(t, len(key), MaxKey)
	})
}
