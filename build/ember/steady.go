package ember

import (
	_ "embed" // For the program below.
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// scratch is where the build's temporary files lie. Webpack numbers modules by their
// path from the app: only where that leads through no other directory are two builds
// equal that lie at two places.
const scratch = "tmp/.muster"

// steady is loaded into every node of the build.
//
//go:embed steady.cjs
var steady []byte

// quoted is for a path between quotes in NODE_OPTIONS.
var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// steadyTemp makes an empty scratch in the tree, and has the build use it, under names
// that are the same each time.
func steadyTemp(dir string, env map[string]string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	err = errors.Join(root.RemoveAll(scratch), root.MkdirAll(scratch, 0o755))
	if err == nil {
		err = root.WriteFile(scratch+"/steady.cjs", steady, 0o644)
	}
	at := filepath.Join(dir, filepath.FromSlash(scratch))
	env["TMPDIR"] = at
	env["NODE_OPTIONS"] = strings.TrimSpace(env["NODE_OPTIONS"] + ` --require "` + quoted.Replace(at) + `/steady.cjs"`)
	return err
}
