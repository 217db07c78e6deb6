package ember

import "bytes"

// withoutComments blanks what JavaScript takes for comments, in a JSON text or in a
// program, outside of strings. Line ends stay, so that the lines of errors are right.
func withoutComments(text []byte) []byte {
	out := bytes.Clone(text)
	blank := func(from, to int) {
		for i := from; i < to; i++ {
			if out[i] != '\n' {
				out[i] = ' '
			}
		}
	}
	for i := 0; i < len(out); i++ {
		switch {
		case out[i] == '"' || out[i] == '\'':
			end := out[i]
			for i++; i < len(out) && out[i] != end && out[i] != '\n'; i++ {
				if out[i] == '\\' {
					i++
				}
			}
		case bytes.HasPrefix(out[i:], []byte("//")):
			n := bytes.IndexByte(out[i:], '\n')
			if n < 0 {
				n = len(out) - i
			}
			blank(i, i+n)
		case bytes.HasPrefix(out[i:], []byte("/*")):
			n := bytes.Index(out[i+2:], []byte("*/"))
			if n < 0 {
				n = len(out) - i - 4
			}
			blank(i, max(i, i+n+4))
		}
	}
	return out
}
