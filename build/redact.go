package build

import (
	"bytes"
	"io"
	"net/url"
	"slices"
	"strings"
)

// Redacted is what stands in place of a secret.
const Redacted = "[redacted]"

// Redactor is a writer that replaces secrets by value, also where one is spread
// over several writes. Bytes that may be the start of a secret are held back until
// the next write shows it, or until Flush.
//
// Secrets that overlap or touch become one Redacted. It is not for use by several
// goroutines at once.
type Redactor struct {
	to      io.Writer
	secrets [][]byte
	held    []byte
	out     []byte // kept for its room
	covered int    // so many bytes of held are part of a secret found before
	inside  bool   // the last byte passed on was part of a secret
}

// NewRedactor returns a writer that passes on to w what it gets, without the
// values of secrets. Names do not matter. Also replaced are a value without the
// white space around it, as it stands in a URL, and each line of more than seven
// bytes of a value that has several, as in a key file. Other encodings, base64
// among them, are not known.
func NewRedactor(w io.Writer, secrets map[string]string) *Redactor {
	r := &Redactor{to: w}
	for _, value := range secrets {
		r.Add(value)
	}
	return r
}

// Add lets one more value be replaced from now on.
func (r *Redactor) Add(value string) {
	for _, form := range secretForms(value) {
		if !slices.ContainsFunc(r.secrets, func(s []byte) bool { return string(s) == form }) {
			r.secrets = append(r.secrets, []byte(form))
		}
	}
}

// secretForms lists how a value may show up in a log.
func secretForms(value string) []string {
	trimmed := strings.TrimSpace(value)
	query := url.QueryEscape(trimmed)
	forms := []string{value, trimmed, query, strings.ReplaceAll(query, "+", "%20"), url.PathEscape(trimmed)}
	if strings.Contains(trimmed, "\n") {
		for line := range strings.Lines(trimmed) {
			if line = strings.TrimSpace(line); len(line) > 7 {
				forms = append(forms, line)
			}
		}
	}
	return slices.DeleteFunc(forms, func(s string) bool { return s == "" })
}

// Write passes on what is certain by now.
func (r *Redactor) Write(p []byte) (int, error) {
	r.held = append(r.held, p...)
	return len(p), r.pass(r.undecided())
}

// Flush passes on what was held back.
func (r *Redactor) Flush() error { return r.pass(len(r.held)) }

// undecided returns where the first possible start of an unfinished secret is.
func (r *Redactor) undecided() int {
	first := len(r.held)
	for _, s := range r.secrets {
		for at := max(0, len(r.held)-len(s)+1); at < first; at++ {
			if bytes.HasPrefix(s, r.held[at:]) {
				first = at
			}
		}
	}
	return first
}

// pass writes held[:n] with the secrets that begin there replaced. What is covered stays so
// while nothing is passed on.
func (r *Redactor) pass(n int) error {
	if n == 0 {
		return nil
	}
	out, at := r.out[:0], 0
	for _, s := range r.spans(n) {
		if s.start > at {
			out, r.inside = append(out, r.held[at:s.start]...), false
		}
		if !r.inside {
			out, r.inside = append(out, Redacted...), true
		}
		at = max(at, s.end)
	}
	if at < n {
		out, r.inside = append(out, r.held[at:n]...), false
	}
	r.covered = max(0, at-n)
	r.held, r.out = append(r.held[:0], r.held[n:]...), out
	if len(out) == 0 {
		return nil
	}
	_, err := r.to.Write(out)
	return err
}

// span is a part of what is held that is secret.
type span struct{ start, end int }

// spans lists the secrets that begin in held[:n], also those within others, by
// where they begin. What is known from before comes first.
func (r *Redactor) spans(n int) []span {
	var spans []span
	if r.covered > 0 && n > 0 {
		spans = append(spans, span{0, r.covered})
	}
	for _, s := range r.secrets {
		for from := 0; from < n; {
			i := bytes.Index(r.held[from:], s)
			if i < 0 || from+i >= n {
				break
			}
			spans = append(spans, span{from + i, from + i + len(s)})
			from += i + 1
		}
	}
	slices.SortStableFunc(spans, func(a, b span) int { return a.start - b.start })
	return spans
}
