package build

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// indexEntry says what a revision was built to.
type indexEntry struct {
	Revision string `json:"revision"`
	Identity string `json:"identity"`
	Digest   string `json:"digest"`
}

// indexKey is where the entry of a revision is.
func (w *Workshop) indexKey(revision string) string {
	return "builds/" + revision + "/" + shortDigest(w.config.Identity)
}

// find returns the artifact that a revision was built to, or nil where there is
// none, or none that can be trusted.
func (w *Workshop) find(ctx context.Context, revision string) (*Artifact, error) {
	r, err := w.config.Store.Get(ctx, w.indexKey(revision))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for an earlier build: %w", err)
	}
	defer r.Close()
	var e indexEntry
	err = json.NewDecoder(io.LimitReader(r, 64<<10)).Decode(&e)
	if err != nil || e.Revision != revision || e.Identity != w.config.Identity || CheckDigest(e.Digest) != nil {
		w.config.Logger.Warn("the note of an earlier build is damaged: building again", "revision", revision, "error", err)
		return nil, nil
	}
	a, err := w.Open(ctx, e.Digest)
	switch {
	case err == nil:
		return a, nil
	case errors.Is(err, ErrNotFound):
		return nil, nil
	case errors.Is(err, ErrCorrupt):
		w.config.Logger.Warn("an earlier build is damaged: building again", "digest", e.Digest, "error", err)
		return nil, nil
	}
	return nil, err
}

// index notes what a revision was built to.
func (w *Workshop) index(ctx context.Context, revision, digest string) error {
	b, err := json.Marshal(indexEntry{Revision: revision, Identity: w.config.Identity, Digest: digest})
	if err != nil {
		return err
	}
	if err := w.config.Store.Put(ctx, w.indexKey(revision), bytes.NewReader(b)); err != nil {
		return fmt.Errorf("note what the revision was built to: %w", err)
	}
	return nil
}
