package host

import (
	"strings"
)

// answer is the last line of a script's output, as in
//
//	muster <nonce> failed phase=confirm back=done end
//
// The word at its end shows that it was not cut.
type answer struct {
	word   string
	fields map[string]string
}

// parseAnswer finds the answer to a call in the end of its output. Anything that is
// not whole, or an answer to another call, is none.
func parseAnswer(output, nonce string) (answer, bool) {
	lines := strings.Split(strings.TrimRight(output, "\r\n"), "\n")
	words := strings.Fields(lines[len(lines)-1])
	if len(words) < 4 || words[0] != "muster" || words[1] != nonce || words[len(words)-1] != "end" {
		return answer{}, false
	}
	a := answer{word: words[2], fields: map[string]string{}}
	for _, w := range words[3 : len(words)-1] {
		name, value, ok := strings.Cut(w, "=")
		if !ok {
			return answer{}, false
		}
		a.fields[name] = value
	}
	return a, true
}
