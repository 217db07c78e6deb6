package s3store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
)

// Sizes of chunks in bytes. A cut comes, on average, a mebibyte after the least.
const (
	minChunk = 512 << 10
	maxChunk = 4 << 20
	cutBits  = 20
)

// window is how many bytes decide about a cut: each takes part in as many shifts as
// the sum has bits.
const window = 64

// gear gives every byte a random number of its own. It must never change: cuts would
// be elsewhere, and everything would be uploaded once more.
var gear = func() (g [256]uint64) {
	for i := range g {
		sum := sha256.Sum256(fmt.Appendf(nil, "muster cuts at %d", i))
		g[i] = binary.BigEndian.Uint64(sum[:])
	}
	return g
}()

// cutter cuts content where the last bytes before the cut say so (content-defined
// chunking with a gear hash), so that equal content has equal cuts, wherever it
// stands.
type cutter struct {
	from io.Reader
	buf  []byte // what was read and not yet cut
	end  error  // why there is no more to read: io.EOF, or an error of from
}

func newCutter(from io.Reader) *cutter { return &cutter{from: from} }

// next returns the next chunk, which is the caller's, or io.EOF after the last one.
// After an error of the reader there are no more chunks.
func (c *cutter) next() ([]byte, error) {
	c.fill()
	if c.end != nil && c.end != io.EOF {
		return nil, c.end
	}
	if len(c.buf) == 0 {
		return nil, io.EOF
	}
	n := cut(c.buf)
	piece := append([]byte(nil), c.buf[:n]...)
	c.buf = append(c.buf[:0], c.buf[n:]...)
	return piece, nil
}

// left reports whether a next chunk, or an error, is known to follow.
func (c *cutter) left() bool {
	c.fill()
	return len(c.buf) > 0 || c.end != io.EOF
}

// fill reads until a chunk of any size is there. It takes io.EOF alone for the end:
// io.ReadFull would hide whether the reader itself has broken off.
func (c *cutter) fill() {
	for idle := 0; c.end == nil && len(c.buf) < maxChunk; idle++ {
		if len(c.buf) == cap(c.buf) { // Most contents are small.
			c.buf = append(make([]byte, 0, min(max(64<<10, 4*cap(c.buf)), maxChunk)), c.buf...)
		}
		n, err := c.from.Read(c.buf[len(c.buf):cap(c.buf)])
		c.buf, c.end = c.buf[:len(c.buf)+n], err
		if n > 0 {
			idle = 0
		} else if idle == 100 && err == nil {
			c.end = io.ErrNoProgress
		}
	}
}

// cut returns the length of the first chunk of data, which is its all only at the
// end of the content.
func cut(data []byte) int {
	if len(data) <= minChunk {
		return len(data)
	}
	sum := uint64(0)
	for i := minChunk - window; i < len(data); i++ {
		sum = sum<<1 + gear[data[i]]
		if i >= minChunk && sum>>(64-cutBits) == 0 {
			return i + 1
		}
	}
	return len(data)
}
