package java

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode"

	"github.com/muster-deploy/muster/build"
)

// manifestName is where a jar says what it is.
const manifestName = "META-INF/MANIFEST.MF"

// Bounds of a jar; what it may hold in bytes is in Config.
const (
	maxEntries = 200_000
	maxText    = 8 << 20 // of a manifest or an index
)

// jar is an open jar or war whose names have been checked.
type jar struct {
	*zip.Reader
	file     *os.File
	path     string
	manifest manifest
	byName   map[string]*zip.File
}

// openJar opens a file of the workspace. A name in it that leads out of the directory
// where the jar is taken apart, or that is there twice, is an error.
func openJar(root *os.Root, path string) (*jar, error) {
	f, err := root.Open(path)
	if err != nil {
		return nil, err
	}
	j := &jar{file: f, path: path, byName: map[string]*zip.File{}}
	if err := j.read(); err != nil {
		f.Close()
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return j, nil
}

// Close closes the file.
func (j *jar) Close() error { return j.file.Close() }

// read reads the directory and the manifest.
func (j *jar) read() error {
	info, err := j.file.Stat()
	if err != nil {
		return err
	}
	if j.Reader, err = zip.NewReader(j.file, info.Size()); err != nil {
		return err
	}
	if len(j.File) > maxEntries {
		return &build.LimitError{What: "the jar", Unit: "files", Limit: maxEntries}
	}
	for _, f := range j.File {
		if err := checkName(f.Name); err != nil {
			return err
		}
		if j.byName[f.Name] != nil && !strings.HasSuffix(f.Name, "/") {
			return fmt.Errorf("it holds %s twice", f.Name)
		}
		j.byName[f.Name] = f
	}
	text, err := j.text(manifestName)
	j.manifest = parseManifest(text)
	return err
}

// checkName refuses what would be written beside the place that it is meant for.
func checkName(name string) error {
	if !fs.ValidPath(strings.TrimSuffix(name, "/")) || strings.Contains(name, `\`) || strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("it holds a file with the name %q, which is no path inside of it", name)
	}
	return nil
}

// text returns the content of a small file; nothing where there is none.
func (j *jar) text(name string) (string, error) {
	f := j.byName[name]
	if f == nil {
		return "", nil
	}
	if f.UncompressedSize64 > maxText {
		return "", &build.LimitError{What: name, Unit: "bytes", Limit: maxText}
	}
	r, err := f.Open()
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	defer r.Close()
	text, err := io.ReadAll(r) // The reader yields no more than the size that was checked.
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return string(text), nil
}

// signed says whether somebody vouches for the content.
func (j *jar) signed() bool {
	for _, f := range j.File {
		if signature(f.Name) {
			return true
		}
	}
	return false
}

// signature says whether a file is a part of a jar's signature.
func signature(name string) bool {
	rest, ok := strings.CutPrefix(strings.ToUpper(name), "META-INF/")
	if !ok || strings.Contains(rest, "/") {
		return false
	}
	for _, end := range []string{".SF", ".RSA", ".DSA", ".EC"} {
		if strings.HasSuffix(rest, end) {
			return true
		}
	}
	return false
}
