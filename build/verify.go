package build

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
)

// verifier reads the content of one file and holds it against the manifest. The
// last bytes are handed out only once the digest of all of them was right: also a
// reader that knows the size, and never asks for the end, learns of changed bytes.
type verifier struct {
	from io.ReadCloser
	file File
	sum  hash.Hash
	left int64
	err  error
	// broken is told when the content differs, once; nil: nobody listens.
	broken func(File)
}

func newVerifier(f File, from io.ReadCloser) *verifier {
	return &verifier{from: from, file: f, sum: sha256.New(), left: f.Size}
}

// verified returns from, verified. What verifies itself already is left as it is.
func verified(f File, from io.ReadCloser) io.ReadCloser {
	if own, ok := from.(*openFile); ok && own.file == f {
		return from
	}
	return newVerifier(f, from)
}

// Read returns an error that wraps ErrCorrupt when the content differs.
func (v *verifier) Read(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	n, err := v.read(p)
	if v.broken != nil && errors.Is(err, ErrCorrupt) {
		v.broken(v.file)
	}
	return n, err
}

// read is Read as long as all went well.
func (v *verifier) read(p []byte) (int, error) {
	if v.left == 0 {
		v.err = v.atEnd()
		return 0, v.err
	}
	n, err := v.from.Read(p[:min(int64(len(p)), v.left)])
	v.sum.Write(p[:n])
	v.left -= int64(n)
	if v.left == 0 && n > 0 {
		if err := v.atEnd(); err != io.EOF {
			v.err = err
			return 0, err
		}
		v.err = io.EOF
		return n, nil
	}
	if err == io.EOF {
		err = fmt.Errorf("read %s: %d of %d bytes are missing: %w", v.file.Path, v.left, v.file.Size, ErrCorrupt)
	}
	v.err = err
	return n, err
}

// atEnd returns io.EOF if all bytes were right and there are no more.
func (v *verifier) atEnd() error {
	var more [1]byte
	switch n, err := io.ReadFull(v.from, more[:]); {
	case n > 0:
		return fmt.Errorf("read %s: it is longer than %d bytes: %w", v.file.Path, v.file.Size, ErrCorrupt)
	case err != io.EOF:
		return fmt.Errorf("read %s: %w", v.file.Path, err)
	}
	if got := hex.EncodeToString(v.sum.Sum(nil)); got != v.file.SHA256 {
		return fmt.Errorf("read %s: sha256 is %s, the manifest has %s: %w", v.file.Path, got, v.file.SHA256, ErrCorrupt)
	}
	return io.EOF
}

// Close closes what is read from.
func (v *verifier) Close() error { return v.from.Close() }
