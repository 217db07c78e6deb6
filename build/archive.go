package build

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// Archive keeps artifacts in a Store, one object each: a header, the manifest, the
// tools, and the content of the files, each content once. The choice against an
// object per file is one of durability: an application of twenty thousand files
// would be twenty thousand flushes of a disk, or requests to a bucket, and could be
// half there. The content is not compressed, so that each file can be read by
// itself; packs for transport are made by Pack.
//
//	muster artifact 1 <bytes of the manifest> <bytes of the tools>\n
//	<manifest, as EncodeManifest writes it>
//	<tools, JSON>
//	<content of the files in the order of the manifest, no digest twice>
type Archive struct {
	store Store
	spool string
}

// NewArchive returns the archive in s. Spool is a directory for copies of artifacts
// from a store that cannot read from any place; empty means the system's temporary
// directory. A copy has no name: it goes when nobody uses it any more, also by a
// crash.
func NewArchive(s Store, spool string) *Archive { return &Archive{store: s, spool: spool} }

// Bounds of what the header of an object may announce, in bytes.
const (
	maxHeader   = 100
	maxManifest = 1 << 30
	maxTools    = 1 << 20
)

// archiveHeader is the form of the first line.
const archiveHeader = "muster artifact 1 %d %d\n"

// archiveKey is where an artifact is kept.
func archiveKey(digest string) string { return "artifacts/" + strings.TrimPrefix(digest, "sha256:") }

// Keep stores a, or all of it again where it is there already. Its content is
// verified on the way: if it differs from the manifest, nothing is kept and the
// error wraps ErrCorrupt.
func (s *Archive) Keep(ctx context.Context, a *Artifact) error {
	manifest, err := EncodeManifest(a.Manifest)
	if err != nil {
		return fmt.Errorf("keep artifact: %w", err)
	}
	if got := digestOf(manifest); got != a.Digest {
		return fmt.Errorf("keep artifact %s: its manifest has digest %s: %w", a.Digest, got, ErrCorrupt)
	}
	tools, err := json.Marshal(a.Tools)
	if err != nil {
		return fmt.Errorf("keep artifact: %w", err)
	}
	head := fmt.Appendf(nil, archiveHeader, len(manifest), len(tools))
	contents := &contentReader{artifact: a, left: distinct(a.Manifest)}
	defer contents.close()
	all := io.MultiReader(bytes.NewReader(head), bytes.NewReader(manifest), bytes.NewReader(tools), contents)
	if err := s.store.Put(ctx, archiveKey(a.Digest), all); err != nil {
		return fmt.Errorf("keep artifact %s: %w", a.Digest, err)
	}
	return nil
}

// distinct lists the files whose content is stored: each digest once, no links.
func distinct(files []File) []File {
	seen := make(map[string]bool, len(files))
	var list []File
	for _, f := range files {
		if f.Link == "" && !seen[f.SHA256] {
			seen[f.SHA256] = true
			list = append(list, f)
		}
	}
	return list
}

// contentReader reads one file after the other, opened when its turn comes.
type contentReader struct {
	artifact *Artifact
	left     []File
	now      io.ReadCloser
}

func (c *contentReader) Read(p []byte) (int, error) {
	for {
		if c.now == nil {
			if len(c.left) == 0 {
				return 0, io.EOF
			}
			f, err := c.artifact.Files.Open(c.left[0].Path)
			if err != nil {
				return 0, err
			}
			// Also files that somebody else made an fs.FS for are verified.
			c.now, c.left = verified(c.left[0], f), c.left[1:]
		}
		n, err := c.now.Read(p)
		if err == io.EOF {
			c.close()
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (c *contentReader) close() {
	if c.now != nil {
		c.now.Close()
		c.now = nil
	}
}

// Remove deletes the artifact of a digest. It is no error when it is not there.
func (s *Archive) Remove(ctx context.Context, digest string) error {
	if err := CheckDigest(digest); err != nil {
		return fmt.Errorf("remove artifact: %w", err)
	}
	if err := s.store.Delete(ctx, archiveKey(digest)); err != nil {
		return fmt.Errorf("remove artifact %s: %w", digest, err)
	}
	return nil
}

// Open returns the artifact of a digest, or an error that wraps ErrNotFound, or
// ErrCorrupt where what is kept under the digest is something else. Content is
// verified when it is read. The artifact stays good when it is removed meanwhile,
// as long as the store's readers do.
func (s *Archive) Open(ctx context.Context, digest string) (*Artifact, error) {
	if err := CheckDigest(digest); err != nil {
		return nil, fmt.Errorf("open artifact: %w", err)
	}
	from, err := s.store.Get(ctx, archiveKey(digest))
	if err != nil {
		return nil, fmt.Errorf("open artifact %s: %w", digest, err)
	}
	a, err := s.open(ctx, digest, from)
	if err != nil {
		return nil, fmt.Errorf("open artifact %s: %w", digest, errors.Join(err, from.Close()))
	}
	return a, nil
}

// open reads the head of an object and leaves the content for later.
func (s *Archive) open(ctx context.Context, digest string, from io.ReadCloser) (*Artifact, error) {
	r := bufio.NewReader(withContext(ctx, from))
	manifest, tools, start, err := readHead(r)
	if err != nil {
		return nil, err
	}
	if got := digestOf(manifest); got != digest {
		return nil, fmt.Errorf("its manifest has digest %s: %w", got, ErrCorrupt)
	}
	files, err := ParseManifest(manifest)
	if err != nil {
		return nil, err
	}
	at, err := s.content(from, r, start)
	if err != nil {
		return nil, err
	}
	a, err := NewArtifact(files, at.opener(files))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(tools, &a.Tools); err != nil {
		return nil, fmt.Errorf("read its tools: %w", errors.Join(err, ErrCorrupt))
	}
	return a, nil
}

// readHead returns manifest and tools, and where the content starts.
func readHead(r *bufio.Reader) (manifest, tools []byte, start int64, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil && err != io.EOF && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, nil, 0, err
	}
	var m, t int
	if _, err := fmt.Sscanf(string(line[:min(len(line), maxHeader)]), archiveHeader, &m, &t); err != nil ||
		m < 0 || m > maxManifest || t < 0 || t > maxTools {
		return nil, nil, 0, fmt.Errorf("it begins with %q: %w", firstLine(line), ErrCorrupt)
	}
	start = int64(len(line) + m + t)
	head, err := io.ReadAll(io.LimitReader(r, int64(m+t)))
	if err != nil {
		return nil, nil, 0, err
	}
	if len(head) < m+t {
		return nil, nil, 0, fmt.Errorf("it ends in its manifest: %w", ErrCorrupt)
	}
	return head[:m], head[m:], start, nil
}

// content is where the bytes of the files are.
type content struct {
	io.ReaderAt
	start int64
}

// content uses the store's reader where it reads from any place, and a copy
// without a name otherwise. Rest is what follows the head.
func (s *Archive) content(from io.ReadCloser, rest io.Reader, start int64) (*content, error) {
	if at, ok := from.(io.ReaderAt); ok {
		c := &content{at, start}
		runtime.AddCleanup(c, func(f io.Closer) { f.Close() }, io.Closer(from))
		return c, nil
	}
	spool, err := os.CreateTemp(s.spool, "muster-artifact-")
	if err != nil {
		return nil, fmt.Errorf("copy it: %w", err)
	}
	err = os.Remove(spool.Name())
	if err == nil {
		_, err = io.Copy(spool, rest)
	}
	if err != nil {
		return nil, fmt.Errorf("copy it: %w", errors.Join(err, spool.Close()))
	}
	return &content{spool, 0}, from.Close()
}

// opener returns what opens the content of a file.
func (c *content) opener(files []File) func(File) (io.ReadCloser, error) {
	offsets, at := make(map[string]int64, len(files)), c.start
	for _, f := range distinct(files) {
		offsets[f.SHA256] = at
		at += f.Size
	}
	return func(f File) (io.ReadCloser, error) {
		return contentFile{io.NewSectionReader(c, offsets[f.SHA256], f.Size), c}, nil
	}
}

// contentFile is one file of an object. It holds on to the whole, which is closed
// once nobody does.
type contentFile struct {
	*io.SectionReader
	of *content
}

func (contentFile) Close() error { return nil }
