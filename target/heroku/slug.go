package heroku

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/heroku/platform"
)

const (
	maxSlug     = 500 << 20 // bytes of a packed slug, by Heroku's rules
	maxProcfile = 64 << 10
)

// Prepare implements target.Target: it uploads the artifact as a slug, unless it was.
func (t *Target) Prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	if err := t.prepare(ctx, o, a); err != nil {
		return fmt.Errorf("prepare %s: %w", o.Release.ID, t.failed(err))
	}
	return nil
}

func (t *Target) prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	if err := o.Match(a); err != nil {
		return err
	}
	types, err := processTypes(a)
	if err != nil {
		return err
	}
	select {
	case t.preparing <- struct{}{}: // who asks for the same digest meanwhile finds it
		defer func() { <-t.preparing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	h, err := t.history(ctx, func(*history) bool { return true })
	if err != nil {
		return err
	}
	if err := t.fence(h).Check(o); err != nil || h.slugs[a.Digest] != "" {
		return err
	}
	return t.upload(ctx, o, a, types)
}

// upload packs the artifact and makes it a slug. The file it is packed into has no name
// by the time that anything can go wrong.
func (t *Target) upload(ctx context.Context, o target.Order, a *build.Artifact, types map[string]string) error {
	on, err := t.api.App(ctx)
	if err != nil {
		return err
	}
	spool, err := os.CreateTemp("", "muster-slug-")
	if err != nil {
		return err
	}
	defer spool.Close()
	sum, room := sha256.New(), &room{left: maxSlug}
	err = os.Remove(spool.Name())
	if err == nil {
		err = build.PackBelow(ctx, io.MultiWriter(spool, sum, room), a, "./app/")
	}
	if err != nil {
		return err
	}
	slug := platform.Slug{Processes: types, Stack: t.config.Stack, Commit: o.Release.Revision, Checksum: "SHA256:" + hex.EncodeToString(sum.Sum(nil))}
	or(&slug.Stack, on.BuildStack.Name)
	o.Tell(target.Progress{Unit: t.config.Name, Phase: "upload", Total: maxSlug - room.left, Of: "bytes"})
	id, err := t.api.Upload(ctx, slug, spool, maxSlug-room.left)
	if err == nil {
		t.remember(id, a.Digest)
	}
	return err
}

// room fails to take more than a slug may have.
type room struct{ left int64 }

func (r *room) Write(p []byte) (int, error) {
	if r.left -= int64(len(p)); r.left < 0 {
		return 0, errors.New("the slug is larger than the 500 MB that Heroku takes: have the build leave out what the app does not run")
	}
	return len(p), nil
}

// process is a line of a Procfile.
var process = regexp.MustCompile(`(?m)^([A-Za-z0-9_-]+):[ \t]*(\S.*?)\s*$`)

// processTypes reads the artifact's Procfile.
func processTypes(a *build.Artifact) (map[string]string, error) {
	f, err := a.Files.Open("Procfile")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("the artifact has no Procfile: write one at the top of the app, such as \"web: bundle exec puma\"")
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxProcfile))
	if err != nil {
		return nil, fmt.Errorf("read Procfile: %w", err)
	}
	types := map[string]string{}
	for _, m := range process.FindAllStringSubmatch(string(text), -1) {
		types[m[1]] = m[2]
	}
	if len(types) == 0 {
		return nil, errors.New("the Procfile names no process: write lines such as \"web: bundle exec puma\"")
	}
	return types, nil
}
