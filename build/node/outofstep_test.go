package node_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/node"
)

const asks = `{
  "scripts": {"dep": "x"}, "exports": {"dep": [{"dep": "dep"}]},
  "overrides": {"@scope/dep": "1"},
  "dependencies": {
    "other": "^1.0.0",
    "@scope/dep": "~2.0.0"
  },
  "devDependencies": {
    "dep": "^3.1.0"
  },
  "peerDependencies": {"peer": "*"}
}
`

// What the package managers write when a lockfile is out of step.
const (
	npmSays  = "npm error `npm ci` can only install packages when your package.json and package-lock.json or npm-shrinkwrap.json are in sync."
	pnpmSays = "ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with \"frozen-lockfile\" because pnpm-lock.yaml is not up to date with package.json"
	yarnSays = "error Your lockfile needs to be updated, but yarn was run with `--frozen-lockfile`."
	noneSays = "npm error code ETARGET\nnpm error notarget No matching version found for dep@^3.1.0."
)

// failing is what an install that fails says of a tree, up to what the command said.
func failing(t *testing.T, said string, files ...string) string {
	t.Helper()
	dir := write(t, files...)
	p, err := node.Read(dir, node.Options{})
	require.NoError(t, err)
	_, err = p.Install(t.Context(), &build.Workspace{Dir: dir, Runner: &machine{node: "v20.1.0", manager: "1", fail: said}})
	require.Error(t, err)
	return err.Error()
}

func TestWhatALockfileLacksIsNamedWithItsLine(t *testing.T) {
	const (
		lacks  = `-lock.json is out of step with package.json:9, which asks for dep "^3.1.0": run npm install and commit the lockfile: `
		pnpm   = "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      '@scope/dep':\n        specifier: ~2.0.0\n        version: 2.0.1\n      other:\n        specifier: ^1.0.0\n        version: 1.0.1\n"
		dev    = "    devDependencies:\n      dep:\n        specifier: ^3.1.0\n        version: 3.1.0\n"
		berry  = "__metadata:\n  version: 8\n\n\"@scope/dep@npm:~2.0.0\":\n  version: 2.0.1\n\n\"other@npm:^1.0.0, other@npm:^1.2.0\":\n  version: 1.3.0\n\n"
		yarn   = "# yarn lockfile v1\n\n\n\"@scope/dep@~2.0.0\":\n  version \"2.0.1\"\n\nother@^1.0.0, other@^1.2.0:\n  version \"1.3.0\"\n"
		npm    = `{"packages": {"": {"dependencies": {"other": "^1.0.0", "@scope/dep": "~2.0.0"}, "devDependencies": {"dep": "^3.1.0"}}, "node_modules/dep": {"dependencies": {"x": "1"}}}}`
		npmOld = `{"packages": {"": {"dependencies": {"other": "^1.0.0", "@scope/dep": "~2.0.0"}, "devDependencies": {"dep": "^3.0.0"}}}}`
		v6     = "lockfileVersion: '6.0'\n\ndependencies:\n  '@scope/dep':\n    specifier: ~2.0.0\n    version: 2.0.1\n  other:\n    specifier: ^1.0.0\n    version: 1.0.0\n"
		v5     = "lockfileVersion: 5.4\n\nspecifiers:\n  '@scope/dep': ~2.0.0\n  other: ^1.0.0\n\ndependencies:\n  other: 1.0.0\n"
	)
	for name, c := range map[string]struct{ file, lock, said, want string }{
		"npm, another version":        {"package-lock.json", npmOld, npmSays, "package" + lacks},
		"npm, no such version":        {"package-lock.json", npmOld, noneSays, "package" + lacks},
		"npm, deeper down":            {"package-lock.json", npm, npmSays, "package-lock.json is out of step with package.json: run npm install"},
		"npm, an old lockfile":        {"package-lock.json", `{"dependencies": {}}`, npmSays, "package-lock.json is out of step with package.json: run npm install"},
		"npm, no JSON":                {"package-lock.json", `{`, npmSays, "package-lock.json is out of step with package.json: run npm install"},
		"pnpm 9, missing":             {"pnpm-lock.yaml", pnpm, pnpmSays, `pnpm-lock.yaml is out of step with package.json:9, which asks for dep "^3.1.0": run pnpm install and commit the lockfile: `},
		"pnpm 8, missing":             {"pnpm-lock.yaml", v6, pnpmSays, `pnpm-lock.yaml is out of step with package.json:9, which asks for dep "^3.1.0": `},
		"pnpm 7, missing":             {"pnpm-lock.yaml", v5, pnpmSays, `pnpm-lock.yaml is out of step with package.json:9, which asks for dep "^3.1.0": `},
		"pnpm, removed":               {"pnpm-lock.yaml", pnpm + dev + "      gone:\n        specifier: '1'\n        version: 1.0.0\n      peer:\n        specifier: '*'\n        version: 1.0.0\n", pnpmSays, "pnpm-lock.yaml:17 is out of step with package.json, which does not ask for gone: run pnpm install"},
		"pnpm, overridden":            {"pnpm-lock.yaml", "overrides:\n  dep: 4.0.0\n\n" + pnpm, pnpmSays, "pnpm-lock.yaml is out of step with package.json: run pnpm install"},
		"yarn, missing":               {"yarn.lock", yarn, yarnSays, `yarn.lock is out of step with package.json:9, which asks for dep "^3.1.0": run yarn install and commit the lockfile: `},
		"yarn, nothing to be found":   {"yarn.lock", yarn + "\ndep@^3.1.0:\n  version \"3.1.0\"\n", yarnSays, "yarn.lock is out of step with package.json: run yarn install"},
		"yarn 2, missing":             {"yarn.lock", berry, "YN0028: The lockfile would have been modified by this install, which is explicitly forbidden.", `yarn.lock is out of step with package.json:9, which asks for dep "^3.1.0": `},
		"yarn 2, nothing to be found": {"yarn.lock", berry + "\"dep@npm:^3.1.0\":\n  version: 3\n", "YN0028: The lockfile would have been modified by this install, which is explicitly forbidden.", "yarn.lock is out of step with package.json: run"},
	} {
		assert.Contains(t, failing(t, c.said, "package.json", asks, c.file, c.lock), "install JavaScript dependencies: "+c.want, name)
	}
	assert.NotContains(t, failing(t, noneSays, "package.json", asks, "package-lock.json", npm), "out of step", "the registry lost it")
	assert.NotContains(t, failing(t, "npm error code ENOSPC", "package.json", asks, "package-lock.json", npmOld), "out of step")
}

func TestAPackageOfAWorkspaceIsHeldAgainstTheLockfileToo(t *testing.T) {
	const member = "{\n\"dependencies\": {\n\"a\": \"^2.0.0\"}}"
	npm := `{"packages": {"": {}, "packages/own": {"dependencies": {"a": "^1.0.0"}}, "packages/own/node_modules/a": {}}}`
	assert.Contains(t, failing(t, npmSays, "package.json", `{"workspaces": ["packages/*"]}`, "packages/own/package.json", member, "package-lock.json", npm),
		`package-lock.json is out of step with packages/own/package.json:3, which asks for a "^2.0.0"`)
	pnpm := "importers:\n\n  .: {}\n\n  packages/own:\n    dependencies:\n      a:\n        specifier: ^1.0.0\n        version: 1.0.0\n"
	assert.Contains(t, failing(t, pnpmSays, "package.json", `{}`, "packages/own/package.json", member, "fixtures/package.json", member, "pnpm-lock.yaml", pnpm),
		`pnpm-lock.yaml is out of step with packages/own/package.json:3, which asks for a "^2.0.0"`)
}

func FuzzOutOfStep(f *testing.F) {
	f.Add(asks, "importers:\n  .:\n    dependencies:\n      a:\n        specifier: 1\n")
	f.Add(`{"dependencies": {"a": 1, "b": [{}]}}`, "specifiers:\n a: b\n")
	f.Fuzz(func(t *testing.T, manifest, lock string) {
		for _, file := range []string{"package-lock.json", "yarn.lock", "pnpm-lock.yaml"} {
			dir := write(t, "package.json", manifest, file, lock)
			p, err := node.Read(dir, node.Options{})
			if err != nil {
				return
			}
			_, err = p.Install(t.Context(), &build.Workspace{Dir: dir, Runner: &machine{node: "v20.1.0", manager: "1", fail: npmSays}})
			require.ErrorContains(t, err, "out of step")
		}
	})
}
