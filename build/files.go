package build

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// NewArtifact returns the artifact that files and their content are. It sorts a
// copy of files, checks it as CheckManifest does and takes the digest. Open is
// asked for the content of a regular file, by many goroutines at once; what it
// yields is verified while it is read. Tools are left to the caller.
func NewArtifact(files []File, open func(File) (io.ReadCloser, error)) (*Artifact, error) {
	files = slices.Clone(files)
	slices.SortFunc(files, comparePaths)
	digest, err := DigestManifest(files)
	if err != nil {
		return nil, err
	}
	return &Artifact{Digest: digest, Manifest: files, Files: newTreeFS(files, open)}, nil
}

// treeFS is a file system that a manifest describes. Directories come from the
// paths; there are no times. Open and Stat follow links, which stay in the tree.
type treeFS struct {
	tree
	dirs map[string][]string // directory to names of its entries, sorted
	open func(File) (io.ReadCloser, error)
	// broken is told of content that differs from the manifest; nil: nobody listens.
	broken func(File)
}

// newTreeFS makes the file system of files that have been checked.
func newTreeFS(files []File, open func(File) (io.ReadCloser, error)) *treeFS {
	t := &treeFS{tree: *newTree(files), dirs: map[string][]string{".": nil}, open: open}
	for _, f := range files {
		t.addParents(f.Path)
	}
	for _, names := range t.dirs {
		slices.Sort(names)
	}
	return t
}

// addParents enters p into its directory, and that into its own, up to the root.
func (t *treeFS) addParents(p string) {
	for {
		dir := path.Dir(p)
		_, known := t.dirs[dir]
		t.dirs[dir] = append(t.dirs[dir], path.Base(p))
		if known || dir == "." {
			return
		}
		p = dir
	}
}

// Open opens a file, verified, or a directory.
func (t *treeFS) Open(name string) (fs.File, error) {
	at, err := t.follow("open", name)
	if err != nil {
		return nil, err
	}
	info, err := t.info("open", at, name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		entries, err := t.ReadDir(at)
		return &openDir{info: info, left: entries}, err
	}
	f := t.files[t.at[at]]
	from, err := t.open(f)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	v := newVerifier(f, from)
	v.broken = t.broken
	return &openFile{verifier: v, info: info}, nil
}

// Stat describes what name leads to.
func (t *treeFS) Stat(name string) (fs.FileInfo, error) {
	at, err := t.follow("stat", name)
	if err != nil {
		return nil, err
	}
	return t.info("stat", at, name)
}

// Lstat describes name itself, also when it is a link.
func (t *treeFS) Lstat(name string) (fs.FileInfo, error) {
	at, err := t.followParent("lstat", name)
	if err != nil {
		return nil, err
	}
	return t.info("lstat", at, name)
}

// ReadLink returns where the link name points to.
func (t *treeFS) ReadLink(name string) (string, error) {
	at, err := t.followParent("readlink", name)
	if err != nil {
		return "", err
	}
	i, ok := t.at[at]
	if _, isDir := t.dirs[at]; !ok && !isDir {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrNotExist}
	}
	if !ok || t.files[i].Link == "" {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return t.files[i].Link, nil
}

// ReadDir lists a directory by name.
func (t *treeFS) ReadDir(name string) ([]fs.DirEntry, error) {
	at, err := t.follow("readdir", name)
	if err != nil {
		return nil, err
	}
	names, ok := t.dirs[at]
	if !ok {
		_, err := t.info("readdir", at, name)
		if err == nil {
			err = &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
		}
		return nil, err
	}
	entries := make([]fs.DirEntry, len(names))
	for i, n := range names {
		info, err := t.info("readdir", path.Join(at, n), n)
		if err != nil {
			return nil, err
		}
		entries[i] = fs.FileInfoToDirEntry(info)
	}
	return entries, nil
}

// follow returns what name leads to, links followed.
func (t *treeFS) follow(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	at, err := t.resolve(name)
	if err != nil {
		return "", &fs.PathError{Op: op, Path: name, Err: err}
	}
	return at, nil
}

// followParent is follow for all but the last name of the path.
func (t *treeFS) followParent(op, name string) (string, error) {
	dir, err := t.follow(op, path.Dir(name))
	if err != nil || !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return path.Join(dir, path.Base(name)), nil
}

// info describes what is at a path, which is called name by the caller.
func (t *treeFS) info(op, at, name string) (fileInfo, error) {
	if _, ok := t.dirs[at]; ok {
		return fileInfo{name: path.Base(name), mode: fs.ModeDir | 0o755}, nil
	}
	i, ok := t.at[at]
	if !ok {
		return fileInfo{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	f := t.files[i]
	mode := f.Mode
	if f.Link != "" {
		mode |= fs.ModeSymlink
	}
	return fileInfo{name: path.Base(name), mode: mode, size: f.Size}, nil
}

// fileInfo is what a manifest knows of a file.
type fileInfo struct {
	name string
	mode fs.FileMode
	size int64
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return i.mode }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return i.mode.IsDir() }
func (i fileInfo) Sys() any           { return nil }
func (i fileInfo) String() string     { return strings.TrimSpace(fs.FormatFileInfo(i)) }

// openFile is a file that is read and verified.
type openFile struct {
	*verifier
	info fileInfo
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }

// openDir is a directory that is listed.
type openDir struct {
	info fileInfo
	left []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, fmt.Errorf("read %s: it is a directory: %w", d.info.name, fs.ErrInvalid)
}

// ReadDir returns the next n entries, or all that are left.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(d.left)
	} else if len(d.left) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.left))
	out := d.left[:n:n]
	d.left = d.left[n:]
	return out, nil
}
