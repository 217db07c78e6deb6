package host

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// Prepare implements target.Target. A host that holds the release already is sent
// nothing.
func (h *Host) Prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	manifest, err := checkArtifact(o, a)
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	s := h.settings("check", o)
	s.set("bytes", a.Size())
	s.set("files", len(a.Manifest))
	s.set("now", time.Now().Unix())
	s.set("skew", seconds(h.c.Skew))
	if h.c.Packs.Depot != nil {
		s.set("from", "url")
	}
	h.c.Packs.known.add(a)
	said, err := h.call(ctx, "check", s, nil)
	if err != nil || said.word == "prepared" {
		return err
	}
	all := whole(a, manifest)
	some := h.c.Packs.delta(ctx, all, said.fields["have"], h.c.Writable)
	err = h.bring(ctx, o, some)
	if some.base != "" && spoiled(err) {
		return h.bring(ctx, o, all)
	}
	return err
}

// bring gets content to the host, one way or the other.
func (h *Host) bring(ctx context.Context, o target.Order, c content) error {
	p, err := h.c.Packs.open(ctx, c)
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	defer p.close()
	s := h.settings("prepare", o)
	s.set("pack", p.sum)
	s.set("pack_bytes", p.size)
	if c.base != "" {
		s.set("base", hexOf(c.base))
	}
	for _, path := range h.c.Writable {
		s.set("writable", path)
	}
	for _, path := range h.c.Shared {
		s.set("shared", path)
	}
	if h.c.Packs.Depot != nil {
		return h.fetch(ctx, o, s, c, p)
	}
	return h.send(ctx, o, s, c, p)
}

// checkArtifact returns the text of a's manifest, of which the digest is taken: the
// host will hold the one against the other, too.
func checkArtifact(o target.Order, a *build.Artifact) ([]byte, error) {
	if err := checkOrder(o); err != nil {
		return nil, err
	}
	if a == nil || a.Digest != o.Release.Digest {
		return nil, errors.New("artifact is not the order's release")
	}
	digest, err := build.DigestManifest(a.Manifest)
	if err != nil {
		return nil, err
	}
	if digest != a.Digest {
		return nil, fmt.Errorf("artifact's manifest has digest %s, not %s: %w", digest, a.Digest, build.ErrCorrupt)
	}
	return build.EncodeManifest(a.Manifest)
}

// send streams manifest and pack to the host, as the two members of a tar.
func (h *Host) send(ctx context.Context, o target.Order, s settings, c content, p *pack) error {
	r, w := io.Pipe()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		w.CloseWithError(writeBundle(w, c.manifest, p, h.progress(o, p.size)))
	}()
	_, err := h.call(ctx, "prepare", s, r)
	r.Close() // a script that was refused leaves the rest unread
	<-sent
	return err
}

// writeBundle writes what the script's step prepare reads.
func writeBundle(w io.Writer, manifest []byte, p *pack, told io.Writer) error {
	out := tar.NewWriter(w)
	if err := writeMember(out, "manifest", int64(len(manifest)), bytes.NewReader(manifest)); err != nil {
		return err
	}
	if err := writeMember(out, "pack", p.size, io.TeeReader(p.reader(), told)); err != nil {
		return err
	}
	return out.Close()
}

func writeMember(out *tar.Writer, name string, size int64, r io.Reader) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, Format: tar.FormatGNU}
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	_, err := io.Copy(out, r)
	return err
}

// meter reports how many bytes of a pack have been sent.
type meter struct {
	h    *Host
	o    target.Order
	done int64
	size int64
}

func (h *Host) progress(o target.Order, size int64) io.Writer {
	return &meter{h: h, o: o, size: size}
}

// Write counts.
func (m *meter) Write(p []byte) (int, error) {
	m.done += int64(len(p))
	if m.o.Report != nil {
		m.o.Report(target.Progress{Unit: m.h.c.Name, Phase: "fetch", Done: m.done, Total: m.size, Of: "bytes"})
	}
	return len(p), nil
}
