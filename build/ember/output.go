package ember

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/muster-deploy/muster/build/node"
)

// output is the directory that the build fills: what Config says, what the script is
// told, what the app's configuration says, or "dist".
func (b *Builder) output(dir string, m node.Manifest) (string, error) {
	if b.config.Output != "" {
		return filepath.ToSlash(filepath.Clean(b.config.Output)), nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	for _, source := range []func(*os.Root) (said, where string, err error){
		func(*os.Root) (string, string, error) { return b.scriptOutput(m) }, viteOutput, cliOutput,
	} {
		said, where, err := source(root)
		if err != nil {
			return "", err
		}
		if said == "" {
			continue
		}
		if !filepath.IsLocal(said) || filepath.Clean(said) == "." {
			return "", fmt.Errorf("%s %q is not a directory inside the tree", where, said)
		}
		return filepath.ToSlash(filepath.Clean(said)), nil
	}
	return "dist", nil
}

// outputFlag is how ember and vite are told on their command line.
var outputFlag = regexp.MustCompile(`(?:^|\s)(?:--outDir|--output-path)(?:=|\s+)["']?([^\s"'&|;]+)`)

// scriptOutput reads the script that builds.
func (b *Builder) scriptOutput(m node.Manifest) (said, where string, err error) {
	name := b.config.Script
	if name == "" {
		name = "build"
	}
	if found := outputFlag.FindStringSubmatch(m.Scripts[name]); found != nil {
		return found[1], "package.json: output path of the script " + name, nil
	}
	return "", "", nil
}

// viteConfigs are the names under which Vite looks for its configuration.
var viteConfigs = []string{"vite.config.js", "vite.config.mjs", "vite.config.ts", "vite.config.cjs", "vite.config.mts", "vite.config.cts"}

// outDir finds where a configuration of Vite sets it to a plain string. It is a program:
// where the directory is computed, Config.Output has to say it.
var outDir = regexp.MustCompile("(?:^|[^A-Za-z0-9_$.])[\"']?outDir[\"']?\\s*:\\s*[\"'`]([^\"'`$\n]+)[\"'`]")

// viteOutput reads the first configuration of Vite there is.
func viteOutput(root *os.Root) (said, where string, err error) {
	for _, name := range viteConfigs {
		text, err := root.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", "", err
		}
		if found := outDir.FindSubmatch(withoutComments(text)); found != nil {
			return string(found[1]), name + ": outDir", nil
		}
		return "", "", nil
	}
	return "", "", nil
}

// cliOutput reads .ember-cli.
func cliOutput(root *os.Root) (said, where string, err error) {
	text, err := root.ReadFile(".ember-cli")
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	var config struct {
		Path  string `json:"output-path"`
		Camel string `json:"outputPath"`
	}
	// The file may have comments, which JSON has not: lines of them are left out.
	if err := json.Unmarshal(withoutComments(text), &config); err != nil {
		return "", "", fmt.Errorf(".ember-cli: %w", err)
	}
	if config.Path == "" {
		config.Path = config.Camel
	}
	return config.Path, ".ember-cli: output-path", nil
}
