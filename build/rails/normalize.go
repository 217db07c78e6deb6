package rails

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// normalize removes from the installed gems what differs from one build to the next
// and nobody needs to run them.
func (a *app) normalize(ctx context.Context) error {
	root, err := os.OpenRoot(filepath.Join(a.ws.Dir, vendored))
	if err != nil {
		return err
	}
	defer root.Close()
	var libraries, rest []string
	err = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case superfluous(p, d):
			rest = append(rest, p)
			if d.IsDir() {
				return fs.SkipDir
			}
		case d.Type().IsRegular() && strings.HasSuffix(p, ".so"):
			libraries = append(libraries, vendored+"/"+p)
		}
		return nil
	})
	for _, p := range rest {
		err = errors.Join(err, root.RemoveAll(p))
	}
	if err != nil {
		return err
	}
	return a.strip(ctx, libraries)
}

// superfluous says whether a file or directory below vendor/bundle can go: packages,
// logs and leftovers of native builds, and the histories of gems from git.
func superfluous(p string, d fs.DirEntry) bool {
	parts := strings.Split(p, "/")
	name := parts[len(parts)-1]
	switch {
	case len(parts) == 3 && parts[0] == "ruby" && (name == "cache" || name == "build_info"):
		return true
	case name == ".git" && slices.Contains(parts, "bundler"):
		return true
	case name == "gem_make.out" || name == "mkmf.log":
		return true
	}
	// gems/NAME/ext/…: what make left there is installed beside lib already.
	native := len(parts) > 4 && parts[2] == "gems" && parts[4] == "ext"
	return native && d.Type().IsRegular() && (name == "Makefile" || strings.HasSuffix(name, ".o") || strings.HasSuffix(name, ".so"))
}

// batch is how many libraries one strip gets: a command line has its bounds.
const batch = 500

// strip removes what names the directory of the build from native libraries. A Runner
// without binutils cannot have compiled them either.
func (a *app) strip(ctx context.Context, libraries []string) error {
	slices.Sort(libraries)
	for some := range slices.Chunk(libraries, batch) {
		args := append([]string{"--strip-debug", "--remove-section=.note.gnu.build-id", "--"}, some...)
		if err := a.ws.Run(ctx, build.Command{Name: "strip", Args: args, Tools: []build.Tool{a.ruby}}); err != nil {
			return err
		}
	}
	return nil
}
