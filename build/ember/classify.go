package ember

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// classify looks at what the build made and gives every file its class.
func (b *Builder) classify(ws, dir string, script build.Command) (map[string]build.Class, error) {
	at := filepath.Join(ws, filepath.FromSlash(dir))
	if info, err := os.Stat(at); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s ended well and made no directory %s: set the output path if the app builds elsewhere", script, dir)
	}
	tree := os.DirFS(at)
	mapped, err := readMaps(tree)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	// What lies in public is copied under its own name: no digest of a bundler is in it.
	public := os.DirFS(filepath.Join(ws, "public"))
	classes := map[string]build.Class{}
	entries := 0
	err = fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		class := b.class(p, mapped)
		if _, err := fs.Stat(public, p); err == nil && class == build.Hashed && !mapped[p] {
			class = build.Other
		}
		if class == build.Entry {
			entries++
		}
		if class != build.Other {
			classes[p] = class
		}
		return nil
	})
	if err == nil && entries == 0 {
		err = fmt.Errorf("%s ended well, and there is no page in %s: no .html file", script, dir)
	}
	return classes, err
}

// class is that of one file.
func (b *Builder) class(p string, mapped map[string]bool) build.Class {
	plain := strings.TrimSuffix(p, ".map") // A source map goes with its file.
	switch {
	case slices.Contains(b.config.ServiceWorkers, plain), plain == "sw.js", plain == "service-worker.js":
		return build.ServiceWorker
	case path.Ext(p) == ".html":
		return build.Entry
	case mapped[plain], hashedName(plain):
		return build.Hashed
	}
	return build.Other
}

var (
	// fingerprint is the md5 that broccoli-asset-rev puts before the extension, or the
	// shorter digests of the bundlers before Vite: "vendor-0f343b….css",
	// "chunk.524.8c5a3b2c9d4e5f60a1b2.js".
	fingerprint = regexp.MustCompile(`[-.]([0-9a-f]{32}|[0-9a-f]{20})(\.[A-Za-z0-9]+)+$`)
	// rollup is what Vite's bundler appends: a dash and eight characters of base64.
	rollup = regexp.MustCompile(`^assets/(?:.*/)?[^/]*-([A-Za-z0-9_-]{8})\.[A-Za-z0-9]+$`)
	// word is what a word, a number or a date of eight letters looks like: "-calendar",
	// "-Tutorial", "-section1", "-iconMenu", "-20260101", "-2026-1-1".
	word = regexp.MustCompile(`^[A-Za-z][a-z]*([A-Z][a-z]+)*[0-9]*$|^[A-Z]+[0-9]*$|^[0-9]+$|[-_].*[-_]`)
)

// hashedName says whether a name holds a digest, as the tools write it. Of Vite's
// short ones, those that could be a word or a date are not believed.
func hashedName(p string) bool {
	if fingerprint.MatchString(p) {
		return true
	}
	m := rollup.FindStringSubmatch(p)
	return m != nil && !word.MatchString(m[1])
}

// readMaps returns the files that a map of the build lists as hashed.
func readMaps(tree fs.FS) (map[string]bool, error) {
	hashed := map[string]bool{}
	var assets struct {
		Assets map[string]string `json:"assets"`
	}
	if err := readJSON(tree, "assets/assetMap.json", &assets); err != nil {
		return nil, err
	}
	for from, to := range assets.Assets {
		if from != to {
			hashed[to] = true
		}
	}
	for _, name := range []string{".vite/manifest.json", "manifest.json"} {
		var chunks map[string]struct {
			File string   `json:"file"`
			CSS  []string `json:"css"`
			Src  string   `json:"src"`
		}
		if err := readJSON(tree, name, &chunks); err != nil && name != "manifest.json" {
			return nil, err // A manifest.json is a web app's own as well.
		}
		for _, c := range chunks {
			for _, p := range append(c.CSS, c.File) {
				hashed[p] = rollup.MatchString(p) || hashed[p]
			}
		}
	}
	return hashed, nil
}

// readJSON reads a file of the tree into v; one that is not there leaves it as it is.
func readJSON(tree fs.FS, name string, v any) error {
	text, err := fs.ReadFile(tree, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fmt.Errorf("read the map %s: %w", name, err)
	}
	return nil
}
