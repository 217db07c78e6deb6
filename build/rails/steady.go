package rails

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// sprockets is the manifest of Sprockets: its name is made up anew each time, and it
// notes when each file was compiled.
var sprockets = regexp.MustCompile(`^\.sprockets-manifest-[0-9a-f]{32}\.json$`)

// steady makes the compiled files of dir equal from one build to the next: the manifest
// of Sprockets gets a name of what is in it and one time for all files, by which only
// its own clean-up goes, and packed files lose theirs.
func (a *app) steady(dir string, files []string) error {
	root, err := os.OpenRoot(filepath.Join(a.ws.Dir, dir))
	if err != nil {
		return err
	}
	defer root.Close()
	for _, p := range files {
		switch {
		case sprockets.MatchString(path.Base(p)):
			err = steadyManifest(root, p)
		case strings.HasSuffix(p, ".gz"):
			err = steadyGzip(root, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// steadyManifest rewrites one manifest.
func steadyManifest(root *os.Root, p string) error {
	text, err := root.ReadFile(p)
	if err != nil {
		return err
	}
	var m struct {
		Files  map[string]map[string]any `json:"files"`
		Assets map[string]string         `json:"assets"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return err
	}
	for _, f := range m.Files {
		if _, ok := f["mtime"]; ok {
			f["mtime"] = "2000-01-01T00:00:00+00:00"
		}
	}
	if text, err = json.Marshal(m); err != nil {
		return err
	}
	// Sprockets looks for 32 hexadecimal digits; nothing rests on which they are.
	sum := md5.Sum(text)
	name := path.Join(path.Dir(p), ".sprockets-manifest-"+hex.EncodeToString(sum[:])+".json")
	return errors.Join(root.Remove(p), root.WriteFile(name, text, 0o644))
}

// steadyGzip zeroes the time in the header of RFC 1952, section 2.3.
func steadyGzip(root *os.Root, p string) error {
	text, err := root.ReadFile(p)
	if err != nil || len(text) < 10 || !bytes.HasPrefix(text, []byte{0x1f, 0x8b, 8}) {
		return err
	}
	copy(text[4:8], []byte{0, 0, 0, 0})
	return root.WriteFile(p, text, 0o644)
}
