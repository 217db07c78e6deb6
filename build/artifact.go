package build

import (
	"io/fs"
)

// Class says what a file is to a target that treats kinds of files differently
// (a bucket behind a CDN). Targets that run a tree on a host ignore it.
type Class string

const (
	// Other is the zero Class: an ordinary file.
	Other Class = ""
	// Hashed is an asset whose name holds a digest of its content: it never changes.
	Hashed Class = "hashed"
	// Entry is a page that names the hashed assets; it changes with each release.
	Entry Class = "entry"
	// ServiceWorker is a browser's service worker script.
	ServiceWorker Class = "service-worker"
)

// File is one line of a manifest: a regular file or a symbolic link. Directories
// are not listed; one without a file in it does not exist.
type File struct {
	// Path is slash-separated, relative to the tree, clean, without "..".
	Path string `json:"path"`

	// Mode is the permission bits: 0644 or 0755 for files, 0777 for links.
	Mode fs.FileMode `json:"mode"`

	// Size is in bytes; zero for links.
	Size int64 `json:"size"`

	// SHA256 is the digest of the content in lower-case hexadecimal; empty for links.
	SHA256 string `json:"sha256,omitempty"`

	Class Class `json:"class,omitempty"`

	// Link is where a symbolic link points to: relative, and inside the tree.
	Link string `json:"link,omitempty"`
}

// Artifact is a tree that is ready to run: immutable, named by the digest of its
// manifest. What is recorded about tools stays outside of the digest.
type Artifact struct {
	// Digest is "sha256:" and 64 hexadecimal digits.
	Digest string
	// Manifest is sorted by path.
	Manifest []File
	// Files opens the content by manifest path. What is read from it is verified
	// against the manifest: a read of changed bytes ends in an error that wraps
	// ErrCorrupt.
	Files fs.FS
	// Tools is what the build chose.
	Tools []Tool
}

// Size returns the sum of the sizes of all files, in bytes.
func (a *Artifact) Size() int64 {
	var n int64
	for _, f := range a.Manifest {
		n += f.Size
	}
	return n
}
