package command

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// screen is a terminal with lines that stay, and a picture below them that is
// redrawn. Nothing is hidden or switched, so that a process that is killed leaves
// a terminal that works.
type screen struct {
	out     io.Writer
	pending []string // lines that stay, not yet written
	drawn   []string // the picture that is there
	next    []string // the picture that shall be
}

// print adds a line that stays.
func (s *screen) print(line string) { s.pending = append(s.pending, line) }

// draw says what the picture shall be.
func (s *screen) draw(picture []string) { s.next = picture }

// flush brings the terminal up to date in one write.
func (s *screen) flush() {
	if len(s.pending) == 0 && slices.Equal(s.drawn, s.next) {
		return
	}
	var b strings.Builder
	if n := len(s.drawn); n > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r\x1b[J", n) // up to where it began, and clear below
	}
	for _, line := range append(s.pending, s.next...) {
		b.WriteString(line + "\n")
	}
	_, _ = io.WriteString(s.out, b.String()) // nobody is left to be told
	s.pending, s.drawn = nil, s.next
}

// fit cuts a line so that it takes less than a terminal's width. Characters that may
// take two columns count as two.
func fit(line string, columns int) string {
	used := 0
	for i, r := range line {
		if used++; r >= 0x1100 {
			used++
		}
		if used >= columns {
			return line[:i]
		}
	}
	return line
}
