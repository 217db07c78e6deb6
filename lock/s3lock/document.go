package s3lock

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/muster-deploy/muster/lock"
)

const (
	// maxHeader is the length of the longest first line of an object, and more.
	maxHeader = 1 << 10

	// remembered is how many of its writes a document names: the last ones. They
	// tell whether a write whose answer was lost is among them.
	remembered = 12

	// nameLength is the length of a write's name, in characters of five bits.
	nameLength = 16
)

// document is a document as it lies in its object. Every write has a random name,
// so that no two writes have equal bytes, and therefore no two versions one ETag.
type document struct {
	key    string
	writes []string // newest first
	data   []byte
}

// after returns the document that a new write makes of the version.
func after(old version, key string, data []byte) document {
	writes := append([]string{rand.Text()[:nameLength]}, old.writes...)
	return document{key: key, writes: writes[:min(len(writes), remembered)], data: data}
}

// header returns the first line of the object.
func (d document) header() string {
	return fmt.Sprintf("muster document 1: %s written as %s, %d bytes, sha256 %x\n", d.key, strings.Join(d.writes, " after "), len(d.data), sha256.Sum256(d.data))
}

// encode returns the object.
func (d document) encode() []byte { return append([]byte(d.header()), d.data...) }

// parse reads an object. It accepts exactly what encode returns: anything else was
// cut off, changed, or written by a program that it does not understand.
func parse(object []byte, key string) (document, error) {
	line, data, found := bytes.Cut(object, []byte("\n"))
	if !found || len(line) >= maxHeader {
		return document{}, fmt.Errorf("%w: object of %d bytes has no first line", lock.ErrDamaged, len(object))
	}
	_, rest, _ := strings.Cut(string(line), " written as ")
	names, _, _ := strings.Cut(rest, ",")
	d := document{key: key, writes: strings.Split(names, " after "), data: data}
	if err := lock.Check(key, data); err != nil {
		return document{}, fmt.Errorf("%w: %w", lock.ErrDamaged, err)
	}
	if len(d.writes) > remembered || slices.ContainsFunc(d.writes, func(w string) bool { return !validName(w) }) {
		return document{}, fmt.Errorf("%w: first line is %.400q", lock.ErrDamaged, line)
	}
	if want := d.header(); string(line)+"\n" != want {
		return document{}, fmt.Errorf("%w: first line is %.400q, for these bytes it would be %q", lock.ErrDamaged, line, want)
	}
	return d, nil
}

// validName reports whether w is the name of a write.
func validName(w string) bool {
	return len(w) == nameLength && strings.Trim(w, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}
