package host

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestSampleSaysWhatPays(t *testing.T) {
	t.Parallel()
	const size = 3 << 20
	noise := make([]byte, size)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(noise)
	half := bytes.Clone(noise)
	for at := 0; at < size; at += 2000 {
		clear(half[at : at+1000])
	}
	for name, c := range map[string]struct {
		stream []byte
		pays   bool
	}{
		"text":             {[]byte(strings.Repeat("some text, and ", size/15)), true},
		"noise":            {noise, false},
		"half":             {half, true},
		"little of either": {noise[:100], false},
		"nothing":          {nil, false},
	} {
		whole := newSample()
		_, err := whole.Write(c.stream)
		require.NoError(t, err)
		pieces := newSample()
		_, err = io.Copy(pieces, iotest.HalfReader(bytes.NewReader(c.stream)))
		require.NoError(t, err)
		require.Equal(t, c.pays, whole.pays(), name)
		require.Equal(t, c.pays, pieces.pays(), name)
		require.Equal(t, whole.tried, pieces.tried, "%s: what is tried depends on the stream alone", name)
		require.LessOrEqual(t, whole.tried, int64(size/8))
	}
}
