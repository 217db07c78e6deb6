package rails

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// vendored is where the gems are, in the workspace and in the artifact.
const vendored = "vendor/bundle"

// interpreter is the Ruby that the Runner has.
type interpreter struct{ version, platform, libc string }

// ask asks Ruby for what native gems depend on. The app may ask for "~> 3.2" only.
func (a *app) ask(ctx context.Context) error {
	var said bytes.Buffer
	err := a.ws.Run(ctx, build.Command{Name: "ruby", Tools: []build.Tool{a.ruby}, Stdout: &said, Args: []string{
		"--disable-gems", "-retc", "-e",
		"print RUBY_VERSION, ' ', RUBY_PLATFORM, ' ', (Etc.confstr(Etc::CS_GNU_LIBC_VERSION) rescue 'other').to_s.tr(' ', '-')"}})
	if err != nil {
		return err
	}
	words := strings.Fields(said.String())
	if len(words) != 3 {
		return fmt.Errorf("ruby says %.80q of itself: want its version, platform and C library", said.String())
	}
	a.machine = interpreter{version: words[0], platform: words[1], libc: words[2]}
	return nil
}

// gemsKey is the key of the gems.
func (a *app) gemsKey() (build.CacheKey, error) {
	inputs := []string{"Gemfile", lockfile}
	specs, err := filepath.Glob(filepath.Join(a.ws.Dir, "*.gemspec"))
	for _, s := range specs {
		inputs = append(inputs, filepath.Base(s))
	}
	if err != nil {
		return build.CacheKey{}, err
	}
	digest, err := build.DigestFiles(a.ws.Dir, inputs...)
	return build.CacheKey{
		Name: "gems", Libc: a.machine.libc, Toolchain: "ruby " + a.machine.version + " " + a.machine.platform,
		Builder: version, Inputs: digest + " " + strings.Join(a.config.Without, ":"),
	}, err
}

// bundle puts the gems in place. Unchanged ones go from the cache right into the
// artifact: only where assets are compiled are they needed in the tree, see unpack.
func (a *app) bundle(ctx context.Context) error {
	if entries, err := os.ReadDir(filepath.Join(a.ws.Dir, vendored)); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is part of the source tree: remove it there, the gems come from %s", vendored, lockfile)
	}
	if err := a.configure(); err != nil {
		return err
	}
	key, err := a.gemsKey()
	if err != nil {
		return err
	}
	a.placed, err = a.ws.Place(ctx, vendored, key.Exact())
	if err != nil {
		return err
	}
	if a.placed != "" {
		a.ws.Logf("gems are unchanged: bundle install is not run")
		return nil
	}
	return a.fill(ctx, key)
}

// unpack has gems that were placed in the tree, for commands of the app.
func (a *app) unpack(ctx context.Context) error {
	if a.placed == "" {
		return nil
	}
	if entries, _ := os.ReadDir(filepath.Join(a.ws.Dir, vendored)); len(entries) > 0 {
		return nil // Place restores them where the cache has lost them before.
	}
	hit, err := a.ws.Restore(ctx, vendored, a.placed)
	if err != nil || hit != "" {
		return err
	}
	key, err := a.gemsKey()
	if err != nil {
		return err
	}
	return a.fill(ctx, key) // Another process has dropped them since.
}

// fill installs the gems, beginning with those of the last build, and promises them to
// the next one: they go to the cache when nothing more is done with them here.
func (a *app) fill(ctx context.Context, key build.CacheKey) error {
	if _, err := a.ws.Restore(ctx, vendored, key.Family()); err != nil {
		return err
	}
	if err := a.explain(a.ws.Run(ctx, a.install())); err != nil {
		return err
	}
	if err := a.normalize(ctx); err != nil {
		return fmt.Errorf("normalise the gems: %w", err)
	}
	if err := a.ws.Pledge(ctx, vendored, key.Exact()); err != nil {
		if context.Cause(ctx) != nil {
			return err
		}
		// A build that succeeded does not fail because the next one will be slower.
		a.ws.Logf("gems are not cached: %v", err)
	}
	return nil
}

// redeem moves gems that were installed to the cache, from where the artifact gets them.
// Where that cannot be, they are taken from the tree.
func (a *app) redeem(ctx context.Context) error {
	_, err := a.ws.Redeem(ctx, vendored)
	return err
}

// install is bundle install. All that it is to do stands in .bundle/config, but for
// what is only for the build.
func (a *app) install() build.Command {
	return build.Command{
		Name: "bundle", Args: []string{"install"}, Tools: []build.Tool{a.ruby},
		Env: map[string]string{
			"BUNDLE_CLEAN": "true", "BUNDLE_JOBS": "4", "BUNDLE_RETRY": "3", "BUNDLE_SILENCE_ROOT_WARNING": "true",
			"BUNDLE_IGNORE_MESSAGES": "true",
		},
		Secrets: a.config.Secrets, Network: true, Transient: transient,
	}
}

// transient tells a failing network from a failing app, in what Bundler writes.
var transient = []string{
	"could not reach host", "network error while fetching", "connection reset", "connection refused", "timed out",
	"net::opentimeout", "net::readtimeout", "bad response 502", "bad response 503", "bad response 504", "too many requests",
	"retrying fetcher due to error", "temporary failure in name resolution", "getaddrinfo",
}

// configure writes what Bundler is to do here and on the hosts. Its file in the app
// goes before a user's own settings and the environment.
func (a *app) configure() error {
	root, err := os.OpenRoot(a.ws.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll(".bundle", 0o755); err != nil {
		return err
	}
	text := "---\nBUNDLE_DEPLOYMENT: \"true\"\nBUNDLE_FROZEN: \"true\"\nBUNDLE_PATH: \"" + vendored + "\"\n"
	if len(a.config.Without) > 0 {
		text += fmt.Sprintf("BUNDLE_WITHOUT: %q\n", strings.Join(a.config.Without, ":"))
	}
	if _, err := root.Stat(".bundle/config"); err == nil {
		a.ws.Logf(".bundle/config of the source is replaced: gems are installed as Config says")
	}
	return root.WriteFile(".bundle/config", []byte(text), 0o644)
}
