package host

import (
	"context"
	"io"
	"os"
	"sync"

	"github.com/muster-deploy/muster/build"
)

// Packs packs artifacts for hosts, each once while anybody sends it, into temporary
// files without a name: they are gone with the process. A host that holds a release
// already is packed only what it lacks. The zero value is ready to use, by many
// goroutines at once.
type Packs struct {
	// Depot is where hosts fetch what they get. Nil: it is sent to them, as the input of
	// the script.
	Depot Depot

	// Known opens the artifact of a digest, as build.Archive.Open does: what it has in
	// common with a new one is not sent to a host that holds it. Nil: only those that
	// were prepared through these Packs before are known.
	Known func(ctx context.Context, digest string) (*build.Artifact, error)

	// Scouts is how many hosts of one order are asked what they hold, where there is a
	// Depot, before the others are told to fetch without being asked: the first answer is
	// taken for theirs. Zero means 50.
	Scouts int

	mu       sync.Mutex
	packs    map[string]*pack
	scouting map[string]*scouts // by order
	known    known
}

// content is what a pack is to hold: all of an artifact, or what a base lacks.
type content struct {
	artifact *build.Artifact
	manifest []byte
	base     string       // digest of the release that the host holds; empty: none
	files    []build.File // in the order of the manifest
	writable string       // of which it was made
}

func (c content) key() string { return c.artifact.Digest + " " + c.base + " " + c.writable }

// pack is one packed content.
type pack struct {
	of    *Packs
	key   string
	users int // guarded by of.mu

	ready chan struct{} // closed when the rest is set
	err   error
	file  *os.File
	size  int64
	sum   string // sha256 of the pack, hexadecimal
	form  string // "tar" or "gzip", which is a tar that was made smaller
}

// open returns the pack of c, which the caller closes. Whoever comes first packs; if
// that fails, or its context ends, the next one tries for himself.
func (p *Packs) open(ctx context.Context, c content) (*pack, error) {
	for {
		k, mine := p.join(c.key())
		if mine {
			k.err = k.fill(ctx, c)
			if k.err == nil && p.Depot != nil {
				k.err = k.deposit(ctx, p.Depot, c)
			}
			if k.err != nil {
				p.forget(k)
			}
			close(k.ready)
		}
		select {
		case <-k.ready:
		case <-ctx.Done():
			k.close()
			return nil, context.Cause(ctx)
		}
		if k.err == nil {
			return k, nil
		}
		k.close()
		if mine {
			return nil, k.err
		}
	}
}

// join counts one more user of a pack, and says whether he has to make it.
func (p *Packs) join(key string) (k *pack, mine bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k = p.packs[key]
	if k == nil {
		k, mine = &pack{of: p, key: key, ready: make(chan struct{})}, true
		if p.packs == nil {
			p.packs = map[string]*pack{}
		}
		p.packs[key] = k
	}
	k.users++
	return k, mine
}

// forget has the next one pack anew.
func (p *Packs) forget(k *pack) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.packs[k.key] == k {
		delete(p.packs, k.key)
	}
}

// reader reads the pack from its start, beside others who do.
func (k *pack) reader() *io.SectionReader { return io.NewSectionReader(k.file, 0, k.size) }

// close gives the pack back; the last one to do so frees the disk.
func (k *pack) close() {
	k.of.mu.Lock()
	k.users--
	last := k.users == 0
	if last && k.of.packs[k.key] == k {
		delete(k.of.packs, k.key)
	}
	k.of.mu.Unlock()
	if last && k.file != nil {
		k.file.Close()
	}
}
