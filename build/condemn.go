package build

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// condemnWait bounds how long the store may take to remove what is damaged.
const condemnWait = time.Minute

// watch has an opened artifact tell when somebody reads damaged content from it.
func (w *Workshop) watch(a *Artifact) {
	files, ok := a.Files.(*treeFS)
	if !ok {
		return
	}
	var once sync.Once
	files.broken = func(f File) { once.Do(func() { w.condemn(a.Digest, f) }) }
}

// condemn removes an artifact from the store if the content of a file is not what its
// manifest says: as long as it is there, its revision is not built again. It looks once
// more first, because a mistake on the way here is no reason to lose it. It has time of
// its own, as the reader's context may have ended.
func (w *Workshop) condemn(digest string, f File) {
	ctx, cancel := context.WithTimeout(context.Background(), condemnWait)
	defer cancel()
	log := w.config.Logger.With("digest", digest, "file", f.Path)
	if err := w.reread(ctx, digest, f); !errors.Is(err, ErrCorrupt) {
		log.Warn("an artifact was read damaged, and is not: the fault is on the way", "error", err)
		return
	}
	log.Warn("an artifact is damaged: it is removed, and built again when it is asked for")
	if err := w.archive.Remove(ctx, digest); err != nil {
		log.Warn("remove a damaged artifact", "error", err)
	}
}

// reread reads one file of an artifact from the store.
func (w *Workshop) reread(ctx context.Context, digest string, f File) error {
	a, err := w.archive.Open(ctx, digest)
	if err != nil {
		return err
	}
	in, err := a.Files.Open(f.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(io.Discard, in)
	return err
}
