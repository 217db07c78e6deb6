package host

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/muster-deploy/muster/build"
)

// whole is the content of everything.
func whole(a *build.Artifact, manifest []byte) content {
	return content{artifact: a, manifest: manifest, files: a.Manifest}
}

// delta returns what a host lacks of c that has some releases, or c itself if it
// would not save much to send less.
func (p *Packs) delta(ctx context.Context, c content, have string, writable []string) content {
	best, size := c, c.artifact.Size()/4*3
	for _, name := range strings.Split(have, ",") {
		base := "sha256:" + name
		if build.CheckDigest(base) != nil {
			continue
		}
		files, ok := p.lacking(ctx, c.artifact, base, writable)
		if n := sizeOf(files); ok && n < size {
			size = n
			best = content{
				artifact: c.artifact, manifest: c.manifest, base: base, files: files,
				writable: strings.Join(writable, "\n"),
			}
		}
	}
	return best
}

// lacking lists what of a is not the same in a base, with every link, and with what
// an app may write; false if the base is not known. The script's function common is
// its counterpart.
func (p *Packs) lacking(ctx context.Context, a *build.Artifact, base string, writable []string) ([]build.File, bool) {
	was, ok := p.manifest(ctx, base)
	if !ok {
		return nil, false
	}
	same := make(map[string]build.File, len(was))
	for _, f := range was {
		same[f.Path] = f
	}
	var files []build.File
	for _, f := range a.Manifest {
		b, ok := same[f.Path]
		if !ok || f.Link != "" || b.Link != "" || b.SHA256 != f.SHA256 || b.Mode != f.Mode || written(f.Path, writable) {
			files = append(files, f)
		}
	}
	return files, true
}

func written(path string, writable []string) bool {
	return slices.ContainsFunc(writable, func(w string) bool {
		return path == w || strings.HasSuffix(w, "/") && strings.HasPrefix(path, w)
	})
}

func sizeOf(files []build.File) (n int64) {
	for _, f := range files {
		n += f.Size
	}
	return n
}

// manifest finds the manifest of an artifact that was prepared, or is known.
func (p *Packs) manifest(ctx context.Context, digest string) ([]build.File, bool) {
	if files, ok := p.known.find(digest); ok || p.Known == nil {
		return files, ok
	}
	a, err := p.Known(ctx, digest)
	if err != nil || a == nil {
		return nil, false // then all of it is sent, which needs nobody's help
	}
	p.known.add(a)
	return a.Manifest, true
}

// maxKnown is of how many artifacts the manifests are kept.
const maxKnown = 8

// known are the manifests of the artifacts that were seen last.
type known struct {
	mu   sync.Mutex
	list []*build.Artifact // without their files, the newest last
}

func (k *known) add(a *build.Artifact) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = slices.DeleteFunc(k.list, func(b *build.Artifact) bool { return b.Digest == a.Digest })
	k.list = append(k.list, &build.Artifact{Digest: a.Digest, Manifest: a.Manifest})
	k.list = slices.Delete(k.list, 0, max(0, len(k.list)-maxKnown))
}

func (k *known) find(digest string) ([]build.File, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, a := range k.list {
		if a.Digest == digest {
			return a.Manifest, true
		}
	}
	return nil, false
}

// spoiled says whether a delta could not be put together on the host, because what it
// holds is not what it should be.
func spoiled(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.Phase == "delta"
}
