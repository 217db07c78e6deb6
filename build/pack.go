package build

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// packLevel is fast rather than small: a pack goes to machines that are near, and
// somebody waits for it.
const packLevel = gzip.BestSpeed

// FileTime returns the modification time that a file gets wherever it is written:
// one between 2000 and 2008 that depends on the content alone. A fixed time would
// be simpler, and wrong: web servers and caches that judge by time and size (an
// nginx ETag, bootsnap) would take two contents of one size for the same.
func FileTime(f File) time.Time {
	var seconds int64
	if sum, err := hex.DecodeString(f.SHA256[:min(8, len(f.SHA256))]); err == nil {
		for _, b := range sum {
			seconds = seconds<<8 | int64(b)
		}
	}
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	return start.Add(time.Duration(seconds&(1<<28-1)) * time.Second)
}

// Pack writes a as a gzipped tar: the files and links in the order of the manifest,
// without directories and owners, with the times of FileTime. Packs of one digest
// are equal to the byte, as long as both come from one version of Go, whose
// compressor it uses. It streams, and ends with an error that wraps ErrCorrupt if
// a's content is not what its manifest says.
func Pack(ctx context.Context, w io.Writer, a *Artifact) error { return PackBelow(ctx, w, a, "") }

// PackBelow does as Pack, with all names below a directory, such as "./app/": for
// places that take an app as an archive of their own form. Below is put before each
// path as it is.
func PackBelow(ctx context.Context, w io.Writer, a *Artifact, below string) error {
	zip, err := gzip.NewWriterLevel(w, packLevel)
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	if err := tarBelow(ctx, zip, a, below); err != nil {
		return err
	}
	if err := zip.Close(); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	return nil
}

// Tar writes the tar of which Pack makes a gzip, for who knows better what compresses:
// libraries and pictures do not, and take their time.
func Tar(ctx context.Context, w io.Writer, a *Artifact) error { return tarBelow(ctx, w, a, "") }

func tarBelow(ctx context.Context, w io.Writer, a *Artifact, below string) error {
	out := tar.NewWriter(w)
	buf := make([]byte, hashBuffer)
	for _, f := range a.Manifest {
		if err := packFile(ctx, out, a.Files, f, below, buf); err != nil {
			return fmt.Errorf("pack %s: %w", f.Path, err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	return nil
}

// packFile writes one file or link.
func packFile(ctx context.Context, out *tar.Writer, files fs.FS, f File, below string, buf []byte) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	h := header(f)
	h.Name = below + h.Name
	if err := out.WriteHeader(h); err != nil || f.Link != "" {
		return err
	}
	from, err := files.Open(f.Path)
	if err != nil {
		return err
	}
	in := verified(f, from) // Also of files that somebody else made an fs.FS for.
	defer in.Close()
	// Without its other methods the file is copied by way of buf.
	_, err = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, buf)
	return err
}

// header is the tar header of one file.
func header(f File) *tar.Header {
	h := &tar.Header{
		Typeflag: tar.TypeReg, Name: f.Path, Size: f.Size, Mode: int64(f.Mode.Perm()), ModTime: FileTime(f),
	}
	if f.Link != "" {
		h.Typeflag, h.Linkname = tar.TypeSymlink, f.Link
	}
	return h
}
