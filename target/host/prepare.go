package host

import (
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
	h.c.Packs.known.add(a)
	all := whole(a, manifest)
	ask, err := true, error(nil)
	scouts, leave := h.c.Packs.scout(o)
	defer leave()
	if h.c.Packs.Depot != nil {
		ask, err = scouts.ask(ctx)
	}
	switch {
	case err != nil:
		return fmt.Errorf("prepare: %w", err)
	case !ask:
		some := h.c.Packs.delta(ctx, all, scouts.have, h.c.Writable)
		return h.orWhole(ctx, o, all, some, h.bringUnasked(ctx, o, a, all, some))
	}
	said, err := h.check(ctx, o, a)
	scouts.tell(said, err)
	if err != nil || said.word == "prepared" {
		return err
	}
	some := h.c.Packs.delta(ctx, all, said.fields["have"], h.c.Writable)
	return h.orWhole(ctx, o, all, some, h.bring(ctx, o, some))
}

// check asks the host what it holds, and whether there is room for the release.
func (h *Host) check(ctx context.Context, o target.Order, a *build.Artifact) (answer, error) {
	s := h.settings("check", o)
	h.needs(&s, a)
	s.set("now", time.Now().Unix())
	if h.c.Packs.Depot != nil {
		s.set("from", "url")
	}
	return h.call(ctx, "check", s, nil)
}

// needs is what a release wants of a host.
func (h *Host) needs(s *settings, a *build.Artifact) {
	s.set("bytes", a.Size())
	s.set("files", len(a.Manifest))
	s.set("skew", seconds(h.c.Skew))
}

// orWhole brings everything if what was to be added to a base did not fit it.
func (h *Host) orWhole(ctx context.Context, o target.Order, all, some content, err error) error {
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
	s := h.preparing(o, p)
	if c.base != "" {
		s.set("base", hexOf(c.base))
	}
	if h.c.Packs.Depot != nil {
		return h.fetch(ctx, o, s, len(c.manifest), []part{{"manifest", hexOf(c.artifact.Digest)}, {"pack", p.sum}})
	}
	return h.send(ctx, o, s, c, p)
}

// preparing is what the step prepare is told.
func (h *Host) preparing(o target.Order, p *pack) settings {
	s := h.settings("prepare", o)
	s.set("pack", p.sum)
	s.set("pack_bytes", p.size)
	s.set("packed", p.form)
	for _, path := range h.c.Writable {
		s.set("writable", path)
	}
	for _, path := range h.c.Shared {
		s.set("shared", path)
	}
	h.c.Parameters.tell(&s)
	return s
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

// send streams manifest and pack to the host, one after the other.
func (h *Host) send(ctx context.Context, o target.Order, s settings, c content, p *pack) error {
	s.set("manifest_bytes", len(c.manifest))
	pack := io.TeeReader(p.reader(), h.progress(o, p.size))
	_, err := h.call(ctx, "prepare", s, io.MultiReader(bytes.NewReader(c.manifest), pack))
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
