package toolchain

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// maxBytes bounds a file that names versions. A Gemfile.lock of a large app has some
// tens of kilobytes.
const maxBytes = 4 << 20

// tree reads files of a source tree, and none outside of it.
type tree struct{ root *os.Root }

func openTree(dir string) (*tree, error) {
	root, err := os.OpenRoot(dir)
	return &tree{root}, err
}

// read returns a file's text with plain line ends, and whether it is there.
func (t *tree) read(name string) (string, bool, error) {
	f, err := t.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return "", false, fmt.Errorf("read %s: %w", name, err)
	}
	if len(b) > maxBytes {
		return "", false, fmt.Errorf("%s is larger than %d bytes: it cannot be what it is named", name, maxBytes)
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	return strings.ReplaceAll(string(b), "\r\n", "\n"), true, nil
}

// single is a source that is a file with one version in it, as .ruby-version. Lines
// that begin with # are comments.
func single(name string, version func(string) (string, error)) source {
	return func(t *tree) ([]build.Tool, error) {
		text, there, err := t.read(name)
		if !there || err != nil {
			return nil, err
		}
		for i, line := range strings.Split(text, "\n") {
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			v, err := version(line)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
			}
			return []build.Tool{{Version: v, File: name, Line: i + 1}}, nil
		}
		return nil, fmt.Errorf("%s names no version", name)
	}
}

// lineOf returns the line, from one on, of a byte of a text.
func lineOf(text string, offset int) int {
	return 1 + strings.Count(text[:min(max(0, offset), len(text))], "\n")
}
