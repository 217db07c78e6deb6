package build

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// manifestHeader is the first line of the text form. Its number grows when the
// form changes; a reader refuses a number that it does not know.
const manifestHeader = "muster manifest 1\n"

// maxPath is the longest path or link destination, in bytes: what Linux opens.
const maxPath = 4095

// linkMode is the mode of every symbolic link.
const linkMode fs.FileMode = 0o777

// EncodeManifest returns the canonical text of files, of which the digest is taken.
// It checks them first, as CheckManifest does.
//
// The text is one header line and a line per file, in the order of the bytes of
// the paths. Fields are separated by tabs, which no name may hold, so that nothing
// needs quoting:
//
//	muster manifest 1
//	file	0644	11	<sha256>	-	index.html
//	file	0755	2048	<sha256>	hashed	assets/app-1f2e.js
//	link	index.html	latest.html
//
// A file has mode, size in bytes, sha256 in hexadecimal, class ("-" for Other) and
// path; a link has path and destination. Every line ends with a newline.
func EncodeManifest(files []File) ([]byte, error) {
	if err := CheckManifest(files); err != nil {
		return nil, err
	}
	b := make([]byte, 0, len(manifestHeader)+len(files)*128)
	b = append(b, manifestHeader...)
	for _, f := range files {
		b = appendLine(b, f)
	}
	return b, nil
}

// appendLine appends the line of one file, which has been checked.
func appendLine(b []byte, f File) []byte {
	if f.Link != "" {
		return fmt.Appendf(b, "link\t%s\t%s\n", f.Path, f.Link)
	}
	class := string(f.Class)
	if class == "" {
		class = "-"
	}
	b = append(b, "file\t0"...)
	b = strconv.AppendUint(b, uint64(f.Mode), 8)
	b = append(b, '\t')
	b = strconv.AppendInt(b, f.Size, 10)
	for _, field := range []string{f.SHA256, class, f.Path} {
		b = append(b, '\t')
		b = append(b, field...)
	}
	return append(b, '\n')
}

// DigestManifest returns the digest of files, "sha256:" and 64 hexadecimal digits:
// the name of the artifact that they are.
func DigestManifest(files []File) (string, error) {
	text, err := EncodeManifest(files)
	if err != nil {
		return "", err
	}
	return digestOf(text), nil
}

// digestOf returns the digest of bytes in the form that names artifacts.
func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ParseManifest reads what EncodeManifest wrote. Anything else, down to the order
// of lines and leading zeros, is an error that wraps ErrCorrupt: two texts never
// stand for one manifest.
func ParseManifest(text []byte) ([]File, error) {
	body, ok := bytes.CutPrefix(text, []byte(manifestHeader))
	if !ok {
		return nil, fmt.Errorf("parse manifest: it begins with %q, want %q: %w",
			firstLine(text), strings.TrimSpace(manifestHeader), ErrCorrupt)
	}
	files := make([]File, 0, bytes.Count(body, []byte("\n")))
	for n := 2; len(body) > 0; n++ {
		line, rest, ended := bytes.Cut(body, []byte("\n"))
		f, err := parseLine(string(line))
		if err != nil || !ended {
			return nil, fmt.Errorf("parse manifest: line %d: %w", n, errors.Join(ErrCorrupt, err))
		}
		files, body = append(files, f), rest
	}
	again, err := EncodeManifest(files)
	if err != nil {
		return nil, fmt.Errorf("parse manifest: %w", errors.Join(ErrCorrupt, err))
	}
	if !bytes.Equal(again, text) {
		return nil, fmt.Errorf("parse manifest: it is not in its canonical form: %w", ErrCorrupt)
	}
	return files, nil
}

// firstLine returns the start of text, short enough for an error.
func firstLine(text []byte) string {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return string(line[:min(len(line), 40)])
}

// parseLine reads the fields of one line; CheckManifest judges them.
func parseLine(line string) (File, error) {
	fields := strings.Split(line, "\t")
	switch {
	case fields[0] == "link" && len(fields) == 3:
		return File{Path: fields[1], Mode: linkMode, Link: fields[2]}, nil
	case fields[0] == "file" && len(fields) == 6:
		mode, err := strconv.ParseUint(fields[1], 8, 32)
		if err != nil {
			return File{}, fmt.Errorf("mode: %w", err)
		}
		size, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return File{}, fmt.Errorf("size: %w", err)
		}
		f := File{Path: fields[5], Mode: fs.FileMode(mode), Size: size, SHA256: fields[3]}
		if fields[4] != "-" {
			f.Class = Class(fields[4])
		}
		return f, nil
	}
	return File{}, fmt.Errorf("neither a file nor a link: %.60q", line)
}

// CheckManifest says whether files may be an artifact: sorted, each path once and
// clean, nothing below a file or a link, modes and digests as they are written,
// and no link that leads out of the tree, also not by way of other links. It
// returns the first complaint.
func CheckManifest(files []File) error {
	if !slices.IsSortedFunc(files, comparePaths) {
		return errors.New("check manifest: paths are not sorted")
	}
	t := newTree(files)
	for i, f := range files {
		if i > 0 && files[i-1].Path == f.Path {
			return fmt.Errorf("check manifest: %q is there twice", f.Path)
		}
		if err := checkFile(f); err != nil {
			return fmt.Errorf("check manifest: %w", err)
		}
		if parent := t.leafAbove(f.Path); parent != "" {
			return fmt.Errorf("check manifest: %q lies below %q, which is no directory", f.Path, parent)
		}
	}
	return t.checkLinks()
}

// comparePaths orders files by the bytes of their paths.
func comparePaths(a, b File) int { return strings.Compare(a.Path, b.Path) }

// checkFile judges one file by itself.
func checkFile(f File) error {
	if err := checkPath(f.Path); err != nil {
		return err
	}
	if f.Link != "" {
		if f.Mode != linkMode || f.Size != 0 || f.SHA256 != "" || f.Class != Other {
			return fmt.Errorf("%q is a link: it has mode 0777 and neither size, digest nor class", f.Path)
		}
		return nil
	}
	if f.Mode != 0o644 && f.Mode != 0o755 {
		return fmt.Errorf("%q has mode %04o: files have 0644 or 0755", f.Path, uint32(f.Mode))
	}
	if f.Size < 0 {
		return fmt.Errorf("%q has a size below zero", f.Path)
	}
	if !isHex(f.SHA256, 64) {
		return fmt.Errorf("%q has %.80q for a sha256", f.Path, f.SHA256)
	}
	return checkClass(f)
}

// checkClass allows words of lower-case letters and dashes, so that builders may
// have classes of their own.
func checkClass(f File) error {
	for _, r := range f.Class {
		if (r < 'a' || r > 'z') && r != '-' {
			return fmt.Errorf("%q has class %.40q: a class is lower-case letters and dashes", f.Path, f.Class)
		}
	}
	if f.Class == "-" {
		return fmt.Errorf("%q has class \"-\", which is how no class is written", f.Path)
	}
	return nil
}

// checkPath judges a path: relative, clean, UTF-8, and without control characters.
func checkPath(p string) error {
	switch {
	case path.IsAbs(p):
		return fmt.Errorf("%q is an absolute path", p)
	case len(p) > maxPath:
		return fmt.Errorf("%.60q... is longer than %d bytes", p, maxPath)
	case !utf8.ValidString(p):
		return fmt.Errorf("%q is not UTF-8: no target could name it for certain", p)
	case strings.ContainsFunc(p, unicode.IsControl):
		return fmt.Errorf("%q holds a control character", p)
	case !fs.ValidPath(p) || p == ".":
		return fmt.Errorf("%q is not a clean path inside the tree", p)
	}
	return nil
}

// isHex says whether s is n lower-case hexadecimal digits.
func isHex(s string, n int) bool {
	if len(s) != n {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// CheckDigest says whether d has the form of an artifact's digest.
func CheckDigest(d string) error {
	hexes, ok := strings.CutPrefix(d, "sha256:")
	if !ok || !isHex(hexes, 64) {
		return fmt.Errorf("%.80q is no digest: want \"sha256:\" and 64 hexadecimal digits", d)
	}
	return nil
}
