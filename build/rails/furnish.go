package rails

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/muster-deploy/muster/build"
)

// unneeded is left out of every artifact.
var unneeded = []string{".git", ".github", "test", "spec", "features", "node_modules", "coverage"}

// omitted lists what is left out.
func (a *app) omitted() []string { return slices.Concat(unneeded, a.config.Omit) }

// furnish leaves log and tmp as empty as a server finds them, and writes a Procfile
// where there is none.
func (a *app) furnish() error {
	root, err := os.OpenRoot(a.ws.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for dir, keep := range map[string]string{"log": "log", "tmp": "tmp/pids"} {
		if err := errors.Join(root.RemoveAll(dir), root.MkdirAll(keep, 0o755), root.WriteFile(keep+"/.keep", nil, 0o644)); err != nil {
			return err
		}
	}
	if _, err := root.Stat("Procfile"); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	line := "web: bundle exec rails server\n"
	if a.locks("puma") {
		line = "web: bundle exec puma\n" // It reads config/puma.rb by itself.
	}
	a.ws.Logf("there is no Procfile: it becomes %q", line)
	return root.WriteFile("Procfile", []byte(line), 0o644)
}

// script is a command of the bundle, in production.
func (a *app) script(args ...string) build.Command {
	c := build.Command{Name: "bundle", Args: append([]string{"exec"}, args...), Tools: a.toolsOfApp(), Env: map[string]string{
		"RAILS_ENV": "production", "RACK_ENV": "production", "NODE_ENV": "production", "RAILS_LOG_TO_STDOUT": "1",
		// Rails from 7.1 on makes up a secret of its own if it is told so. Older ones
		// want one, whatever it is.
		"SECRET_KEY_BASE_DUMMY": "1", "SECRET_KEY_BASE": "a-secret-for-nothing-but-the-compilation-of-assets",
		"BUNDLE_SILENCE_ROOT_WARNING": "true", "DISABLE_SPRING": "1",
	}}
	for name, value := range a.config.Env {
		c.Env[name] = value
	}
	return c
}

// toolsOfApp are the versions that a command of the app needs.
func (a *app) toolsOfApp() []build.Tool {
	tools := []build.Tool{a.ruby}
	if a.project != nil {
		tools = append(tools, a.project.Tools()...)
	}
	return tools
}
