package s3target

import (
	"bytes"
	"compress/gzip"
	"io"

	"github.com/andybalholm/brotli"
)

// Encoding is a value of Content-Encoding.
type Encoding string

// The encodings that browsers know.
const (
	Gzip   Encoding = "gzip"
	Brotli Encoding = "br"
)

// Sizes in bytes between which variants are made. Less does not pay for the header of
// the encoding; more would stand in memory.
const (
	minVariant = 256
	maxVariant = 8 << 20
)

// suffix is what the names of variants end with; empty if there are none.
func (e Encoding) suffix() string {
	switch e {
	case Gzip:
		return ".gz"
	case Brotli:
		return ".br"
	}
	return ""
}

// encode returns content in an encoding; as it is in none.
func (e Encoding) encode(content []byte) ([]byte, error) {
	var out bytes.Buffer
	var w io.WriteCloser
	switch e {
	case Gzip:
		w, _ = gzip.NewWriterLevel(&out, gzip.BestCompression) // It fails for an unknown level only.
	case Brotli:
		w = brotli.NewWriterLevel(&out, 9) // The levels above cost ten times the time.
	default:
		return content, nil
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}
