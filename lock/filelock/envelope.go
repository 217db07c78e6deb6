package filelock

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"strconv"

	"github.com/muster-deploy/muster/lock"
)

// maxHeader is the length of the longest first line of a file, and more.
const maxHeader = 512

// document is a document as it lies in its file. Its version counts its writes,
// which makes every version one of a kind, whatever the content.
type document struct {
	key     string
	version uint64
	data    []byte
}

// name returns the version as the Store's user sees it; absence is empty.
func (d document) name() lock.Version {
	if d.version == 0 {
		return ""
	}
	return lock.Version(strconv.FormatUint(d.version, 10))
}

// header returns the first line of the file.
func (d document) header() string {
	return fmt.Sprintf("muster document 1: %s version %d, %d bytes, sha256 %x\n", d.key, d.version, len(d.data), sha256.Sum256(d.data))
}

// encode returns the file.
func (d document) encode() []byte { return append([]byte(d.header()), d.data...) }

// parse reads a file. It accepts exactly what encode returns: anything else was cut
// off, changed, or written by a program that it does not understand.
func parse(file []byte) (document, error) {
	line, data, found := bytes.Cut(file, []byte("\n"))
	if !found || len(line) >= maxHeader {
		return document{}, fmt.Errorf("%w: file of %d bytes has no first line", lock.ErrDamaged, len(file))
	}
	d := document{data: data}
	if _, err := fmt.Sscanf(string(line), "muster document 1: %s version %d,", &d.key, &d.version); err != nil {
		return document{}, fmt.Errorf("%w: first line is %.80q", lock.ErrDamaged, line)
	}
	if err := lock.Check(d.key, data); err != nil {
		return document{}, fmt.Errorf("%w: %w", lock.ErrDamaged, err)
	}
	if d.version == 0 || d.version == math.MaxUint64 {
		return document{}, fmt.Errorf("%w: version is %d", lock.ErrDamaged, d.version)
	}
	if want := d.header(); string(line)+"\n" != want {
		return document{}, fmt.Errorf("%w: first line is %.400q, for these bytes it would be %q", lock.ErrDamaged, line, want)
	}
	return d, nil
}
