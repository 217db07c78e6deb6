// Package tail keeps the end of an output: where a command failed, that is where
// it says why.
//
//	end := tail.New(8 << 10)
//	cmd.Stderr = end
//	fmt.Println(end)
package tail

// Buffer is a writer that keeps the last bytes it got. It is not for use by several
// goroutines at once.
type Buffer struct {
	max   int
	bytes []byte
	cut   bool
}

// New returns a Buffer that keeps at most max bytes.
func New(max int) *Buffer { return &Buffer{max: max} }

// Write never fails.
func (b *Buffer) Write(p []byte) (int, error) {
	n := len(p)
	if n > b.max {
		p, b.cut = p[n-b.max:], true
	}
	// Room for twice the bytes makes a move rare.
	if over := len(b.bytes) + len(p) - b.max; over > b.max {
		b.bytes = append(b.bytes[:0], b.bytes[over:]...)
		b.cut = true
	}
	b.bytes = append(b.bytes, p...)
	return n, nil
}

// String returns the end of what was written, with "..." where the start is missing.
func (b *Buffer) String() string {
	s := b.bytes
	if over := len(s) - b.max; over > 0 {
		s = s[over:]
	} else if !b.cut {
		return string(s)
	}
	return "..." + string(s)
}
