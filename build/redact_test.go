package build_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
)

// redactWhole is the plain way: look at all of the text at once.
func redactWhole(text string, secrets []string) string {
	covered := make([]bool, len(text))
	for _, s := range secrets {
		for i := range text {
			if s != "" && strings.HasPrefix(text[i:], s) {
				for j := range s {
					covered[i+j] = true
				}
			}
		}
	}
	var out strings.Builder
	for i := range len(text) {
		switch {
		case !covered[i]:
			out.WriteByte(text[i])
		case i == 0 || !covered[i-1]:
			out.WriteString(build.Redacted)
		}
	}
	return out.String()
}

func FuzzLaw14_RedactionAcrossChunksEqualsThatOfTheWhole(f *testing.F) {
	f.Add("xabcabcdx", "abc", "bcd", []byte{1, 2, 3})
	f.Add("aaaaabaaab", "aab", "aa", []byte{3, 1})
	f.Add("the token is abcabd", "abcabd", "", []byte{14, 1})
	f.Add("cac", "ca", "aca", []byte{0}) // a byte that is covered, and may begin another one
	f.Fuzz(func(t *testing.T, text, one, two string, cuts []byte) {
		text, one, two = letters(text), letters(one), letters(two)
		var out bytes.Buffer
		r := build.NewRedactor(&out, map[string]string{"1": one, "2": two})
		for rest, i := text, 0; rest != ""; i++ {
			n := len(rest)
			if len(cuts) > 0 {
				n = min(n, 1+int(cuts[i%len(cuts)]))
			}
			_, err := r.Write([]byte(rest[:n]))
			require.NoError(t, err)
			rest = rest[n:]
		}
		require.NoError(t, r.Flush())
		require.Equal(t, redactWhole(text, []string{one, two}), out.String())
	})
}

// letters maps to an alphabet of three, so that secrets are met often.
func letters(s string) string {
	b := []byte(s)
	for i := range b {
		b[i] = 'a' + b[i]%3
	}
	return string(b)
}

func TestARedactorHoldsBackNoMoreThanItMust(t *testing.T) {
	var out bytes.Buffer
	r := build.NewRedactor(&out, map[string]string{"key": "secret"})
	r.Write([]byte("a line\nsec"))
	require.Equal(t, "a line\n", out.String())
	r.Write([]byte("ond"))
	require.Equal(t, "a line\nsecond", out.String())
}

func TestARedactorKnowsAValueInAURLAndByItsLines(t *testing.T) {
	var out bytes.Buffer
	r := build.NewRedactor(&out, map[string]string{"password": "p@ss/w rd", "key": "-----BEGIN-----\nMIIBVgIBADAN\n-----END-----\n"})
	r.Write([]byte("https://u:p%40ss%2Fw%20rd@host | MIIBVgIBADAN | p%40ss%2Fw+rd"))
	r.Flush()
	require.Equal(t, "https://u:[redacted]@host | [redacted] | [redacted]", out.String())
}
