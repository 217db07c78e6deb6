package build

import (
	"archive/tar"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
)

// UnpackOptions says how a tree is written.
type UnpackOptions struct {
	// Sync has everything on the disk before dir gets its name: what is there after
	// a power cut is whole.
	Sync bool
}

// Unpack writes the pack that r yields to dir, which must not be there yet, and
// holds every file against the manifest while it is written. A pack with a file
// more, less, in another order or with other bytes is an error that wraps
// ErrCorrupt. The tree is made beside dir and renamed: after an error, or a crash,
// there is no dir. Nothing is ever written outside of it.
func Unpack(ctx context.Context, r io.Reader, dir string, manifest []File, o UnpackOptions) error {
	if err := unpack(ctx, r, dir, manifest, o); err != nil {
		return fmt.Errorf("unpack into %s: %w", dir, err)
	}
	return nil
}

func unpack(ctx context.Context, r io.Reader, dir string, manifest []File, o UnpackOptions) error {
	zip, err := gzip.NewReader(r)
	if err != nil {
		return damaged(err)
	}
	in := tar.NewReader(zip)
	return writeTree(ctx, dir, manifest, o, treeSource{
		next: func(f File) (io.ReadCloser, error) { return nextFile(in, f) },
		end:  func() error { return endOfPack(in, zip) },
	})
}

// nextFile goes on to the next file of the pack, which has to be f.
func nextFile(in *tar.Reader, f File) (io.ReadCloser, error) {
	h, err := in.Next()
	if err == io.EOF {
		return nil, fmt.Errorf("the pack ends before %s: %w", f.Path, ErrCorrupt)
	}
	if err != nil {
		return nil, damaged(err)
	}
	want := header(f)
	if h.Name != want.Name || h.Typeflag != want.Typeflag || h.Linkname != want.Linkname || h.Size != want.Size {
		return nil, fmt.Errorf("the pack holds %.200q (%d bytes, to %.200q) where the manifest has %q (%d bytes, to %q): %w",
			h.Name, h.Size, h.Linkname, f.Path, f.Size, f.Link, ErrCorrupt)
	}
	return io.NopCloser(corruptReader{in}), nil
}

// endOfPack makes sure that nothing follows the last file, and that the pack's own
// checksum is right.
func endOfPack(in *tar.Reader, zip *gzip.Reader) error {
	h, err := in.Next()
	if err == nil {
		return fmt.Errorf("the pack holds %.200q, which is not in the manifest: %w", h.Name, ErrCorrupt)
	}
	if err != io.EOF {
		return damaged(err)
	}
	const padding = 64 << 10
	n, err := io.CopyN(io.Discard, zip, padding)
	if n == padding {
		return fmt.Errorf("more bytes follow the end of the pack: %w", ErrCorrupt)
	}
	if err != io.EOF {
		return damaged(err)
	}
	return nil
}

// corruptReader marks what a damaged pack says.
type corruptReader struct{ io.Reader }

func (c corruptReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = damaged(err)
	}
	return n, err
}

// damaged adds ErrCorrupt where err says that the pack is damaged. The errors of
// the reader below it, a network or a disk, are left as they are.
func damaged(err error) error {
	var data flate.CorruptInputError
	switch {
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.Is(err, tar.ErrHeader),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.As(err, &data):
		return fmt.Errorf("read pack: %w", errors.Join(err, ErrCorrupt))
	}
	return fmt.Errorf("read pack: %w", err)
}
