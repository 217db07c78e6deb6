package node

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// lockfiles are those that are known, with their package managers.
var lockfiles = []struct{ file, manager string }{
	{"package-lock.json", "npm"},
	{"npm-shrinkwrap.json", "npm"},
	{"yarn.lock", "yarn"},
	{"pnpm-lock.yaml", "pnpm"},
}

// pinned is what packageManager may say: a name, a whole version and perhaps a digest
// of the program, which is for those who fetch it.
var pinned = regexp.MustCompile(`^(npm|yarn|pnpm)@(\d+\.\d+\.\d+[0-9A-Za-z.-]*)(?:\+[0-9A-Za-z.]+)?$`)

// choose finds the package manager and its lockfile.
func (p *Project) choose(root *os.Root, text string) error {
	var found []string
	managers := map[string]string{}
	for _, l := range lockfiles {
		if exists(root, l.file) {
			found = append(found, l.file)
			managers[l.file] = l.manager
		}
	}
	if len(found) > 1 {
		return fmt.Errorf("there are several lockfiles, %s: remove all but that of the package manager in use", strings.Join(found, " and "))
	}
	said, line := p.manifest.PackageManager, Line(text, "packageManager")
	if len(found) == 0 {
		return fmt.Errorf("package.json has no lockfile beside it: looked for package-lock.json, npm-shrinkwrap.json, yarn.lock and pnpm-lock.yaml; commit one")
	}
	p.lockfile = found[0]
	p.manager = build.Tool{Name: managers[p.lockfile], File: p.lockfile, Rule: "by the one lockfile"}
	if said != "" {
		m := pinned.FindStringSubmatch(said)
		if m == nil {
			return fmt.Errorf("package.json:%d: packageManager %q is none that is known here: want npm, yarn or pnpm, an @ and a whole version", line, said)
		}
		if m[1] != p.manager.Name {
			return fmt.Errorf("package.json:%d asks for %s, and the lockfile %s is that of %s: let them agree", line, m[1], p.lockfile, p.manager.Name)
		}
		p.manager = build.Tool{Name: m[1], Version: m[2], File: "package.json", Line: line, Rule: "by packageManager"}
	}
	if p.manager.Name == "yarn" {
		lock, err := read(root, p.lockfile)
		p.berry = exists(root, ".yarnrc.yml") || strings.Contains("\n"+lock, "\n__metadata:")
		return err
	}
	return nil
}

// install is the frozen install of the package manager.
func (p *Project) install() build.Command {
	c := build.Command{
		Name: p.manager.Name, Tools: p.Tools(), Secrets: p.options.Secrets, Env: p.environment(),
		Network: true, Transient: transient,
	}
	switch {
	case p.manager.Name == "npm":
		c.Args = []string{"ci", "--no-audit", "--no-fund"}
	case p.manager.Name == "pnpm":
		c.Args = []string{"install", "--frozen-lockfile", "--prefer-offline"}
	case p.berry:
		c.Args = []string{"install", "--immutable"}
	default:
		c.Args = []string{"install", "--frozen-lockfile", "--non-interactive"}
	}
	return c
}

// environment is what every command of a project gets. Nobody is there to answer, and
// nobody wants to hear of newer versions.
func (p *Project) environment() map[string]string {
	return map[string]string{
		"CI": "true", "NO_COLOR": "1",
		"NO_UPDATE_NOTIFIER": "1", "npm_config_update_notifier": "false", "npm_config_fund": "false",
		"YARN_ENABLE_TELEMETRY": "0", "ADBLOCK": "1", "DISABLE_OPENCOLLECTIVE": "1",
		"COREPACK_ENABLE_DOWNLOAD_PROMPT": "0",
	}
}

// transient tells a failing network from a failing app, in what npm, yarn and pnpm
// write.
var transient = []string{
	"econnreset", "econnrefused", "etimedout", "eai_again", "enetunreach", "esockettimedout", "err_socket_timeout",
	"socket hang up", "network timeout", "networking error", "err_pnpm_meta_fetch_fail", "503 service unavailable",
	"502 bad gateway", "504 gateway time", "429 too many requests", "there appears to be trouble with your network connection",
}

// frozen finds in an install's output that the lockfile is out of step: what npm,
// yarn and pnpm say of it, in lower case.
var frozen = []string{
	"can only install packages when your package.json and package-lock.json", "are in sync",
	"your lockfile needs to be updated", "err_pnpm_outdated_lockfile", "the lockfile would have been modified by this install",
	"err_pnpm_lockfile_config_mismatch",
}
