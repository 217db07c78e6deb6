package pipeline

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/muster-deploy/muster/target"
)

// maxText is how many bytes of somebody's text a record keeps.
const maxText = 300

// keepBatches is how many revisions the batches of all served releases hold together.
const keepBatches = 1500

// maxEnded is how many deploys may wait for a history that cannot be written, before
// no more begin. A rollback always may.
const maxEnded = 20

// trim brings the record within its bounds. The oldest entries go first.
func (r *Record) trim() {
	r.Served = newest(r.Served, keepServed)
	r.Excluded = newest(r.Excluded, keepExcluded)
	r.Parked = newest(r.Parked, keepParked)
	left := keepBatches
	for i := len(r.Served) - 1; i >= 0; i-- {
		s := &r.Served[i]
		s.Batch = slices.Clip(s.Batch[:max(0, min(len(s.Batch), left))])
		left -= len(s.Batch)
	}
}

// fit returns the record's document, and forgets more of what only explains when it
// would be larger than a store keeps: a record that cannot be written could not be
// rolled back either.
func (r *Record) fit() ([]byte, error) {
	data, err := r.encode()
	for keep := keepParked; errors.Is(err, errTooLarge) && keep > 0; keep /= 2 {
		r.Parked = newest(r.Parked, keep)
		r.Requests = newest(r.Requests, 2*keep)
		r.Excluded = newest(r.Excluded, 5*keep)
		for i := range r.Served {
			r.Served[i].Batch = slices.Clip(r.Served[i].Batch[:min(len(r.Served[i].Batch), keep/10)])
		}
		for i := range r.Ended {
			r.Ended[i].Batch = slices.Clip(r.Ended[i].Batch[:min(len(r.Ended[i].Batch), keep/10)])
		}
		data, err = r.encode()
	}
	return data, err
}

// newest returns the last n of all.
func newest[E any](all []E, n int) []E { return all[max(0, len(all)-n):] }

// trimUnits keeps the first units and cuts what they say.
func trimUnits(units []target.Unit) []target.Unit {
	units = slices.Clone(units[:min(len(units), keepFailed)])
	for i := range units {
		units[i].Problem = cut(units[i].Problem, maxText)
	}
	return units
}

// cut makes one line of a text and shortens it to n bytes, at a character's end.
func cut(text string, n int) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, text)
	if len(text) <= n {
		return text
	}
	const dots = "..."
	n -= len(dots)
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + dots
}
