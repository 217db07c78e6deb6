package host

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/muster-deploy/muster/build"
)

// fill packs c. What does not get smaller by it is not compressed: it would only take
// time, of which each host's part is the longer one.
func (k *pack) fill(ctx context.Context, c content) error {
	tried := newSample()
	part := &build.Artifact{Digest: c.artifact.Digest, Manifest: c.files, Files: c.artifact.Files}
	err := k.write("tar", func(w io.Writer) error { return build.Tar(ctx, io.MultiWriter(w, tried), part) })
	if err != nil || !tried.pays() {
		return err
	}
	plain := k.reader()
	defer k.file.Close()
	return k.write("gzip", func(w io.Writer) error { return compress(ctx, w, plain) })
}

// write makes the pack's file. It has no name: it is gone with the process.
func (k *pack) write(form string, from func(io.Writer) error) error {
	f, err := os.CreateTemp("", "muster-pack-*")
	if err != nil {
		return fmt.Errorf("make a temporary file for the pack: %w", err)
	}
	k.file, k.form = f, form
	if err := os.Remove(f.Name()); err != nil {
		return fmt.Errorf("make the temporary file nameless: %w", err)
	}
	sum := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(f, sum), 64<<10)
	if err := from(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the pack: %w", err)
	}
	if k.size, err = f.Seek(0, io.SeekCurrent); err != nil {
		return fmt.Errorf("measure the pack: %w", err)
	}
	k.sum = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// compress is fast rather than small: somebody waits for it.
func compress(ctx context.Context, w io.Writer, plain io.Reader) error {
	zip, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err == nil {
		_, err = io.Copy(zip, cancellable{ctx, plain})
	}
	if err == nil {
		err = zip.Close()
	}
	if err != nil {
		return fmt.Errorf("compress the pack: %w", err)
	}
	return nil
}

// cancellable reads for as long as its context lasts.
type cancellable struct {
	ctx  context.Context
	from io.Reader
}

// Read implements io.Reader.
func (c cancellable) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.from.Read(p)
}
