package node

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// settings are files that decide what an install yields, wherever they lie.
var settings = []string{
	"package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "pnpm-workspace.yaml",
	".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs",
}

// patched are directories whose files are laid over packages.
var patched = []string{"patches", ".yarn/patches", ".yarn/plugins"}

// findInputs lists the files that decide what is installed, and looks for install
// scripts of the app's own. Packages of a workspace can be anywhere in the tree.
func (p *Project) findInputs(dir string) error {
	return filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, at)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			if name := d.Name(); rel != "." && (name == "node_modules" || name == ".git" || name == "vendor" || name == "tmp") {
				return filepath.SkipDir
			}
			return nil
		case !d.Type().IsRegular():
			return nil
		case slices.Contains(settings, d.Name()):
			p.inputs = append(p.inputs, filepath.ToSlash(rel))
			if d.Name() == "package.json" && p.hooked == "" && hasHooks(at) {
				p.hooked = filepath.ToSlash(rel) + " has install scripts, which may read anything"
			}
		case d.Name() == "binding.gyp" && p.hooked == "":
			// Without a script of its own, npm compiles a package that has one.
			p.hooked = filepath.ToSlash(rel) + " is compiled by the install, which may read anything"
		case slices.ContainsFunc(patched, func(in string) bool { return strings.HasPrefix(filepath.ToSlash(rel), in+"/") }):
			p.inputs = append(p.inputs, filepath.ToSlash(rel))
		}
		return nil
	})
}

// hooks are the scripts that package managers run when they install the app itself.
var hooks = []string{"preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare", "pnpm:devPreinstall"}

// hasHooks says whether a package.json has install scripts. One that cannot be read
// may have: then the install is not skipped, and says what is wrong.
func hasHooks(at string) bool {
	info, err := os.Stat(at)
	if err != nil || info.Size() > maxManifest {
		return true
	}
	text, err := os.ReadFile(at)
	var m Manifest
	if err != nil || json.Unmarshal(text, &m) != nil {
		return true
	}
	return slices.ContainsFunc(hooks, func(h string) bool { return m.Scripts[h] != "" })
}
