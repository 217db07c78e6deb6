package host

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Parameters are settings and secrets in SSM's Parameter Store: /shop/production/NAME.
//
// The host fetches them by itself, by the command aws and with its own role, whenever a
// release is brought to it: before anything is switched, and without the deployer, who
// needs no right to read them and never sees them. They are neither in the artifact nor
// in what is sent. A rollback to a prepared release asks nobody: it finds what was
// fetched last.
//
// The role needs ssm:GetParametersByPath on the path, as in
// arn:aws:ssm:REGION:ACCOUNT:parameter/shop/production, and kms:Decrypt on the key of
// those that are a SecureString.
//
// The file is for the user that runs the scripts alone (0600), and replaced at once. Its
// lines are NAME="VALUE", quoted as both sh and EnvironmentFile of systemd read them,
// whatever is in the value; recipe.With and recipe.Process read it, too.
type Parameters struct {
	// Path is what is before the names, without a slash at its end: "/shop/production".
	// What lies deeper is not fetched: "/shop/production/db/URL" is none of them.
	Path string

	// Region is that of the store, "eu-central-1"; empty: that of the host's own settings of
	// the command aws. Version 1 of it does not know the region of its instance by itself.
	Region string

	// File is a path in shared, such as "env".
	File string

	// Required are names without which a release is refused. There has to be one
	// parameter in any case.
	Required []string
}

// Paths and names are more than a shell's words to nobody.
var (
	parameterPath = regexp.MustCompile(`^(/[A-Za-z0-9_.-]+)+$`)
	settingName   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	region        = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
)

// check returns all complaints at once.
func (p Parameters) check() error {
	if p.Path == "" && p.File == "" && p.Region == "" && len(p.Required) == 0 {
		return nil
	}
	var all []error
	if !parameterPath.MatchString(p.Path) {
		all = append(all, fmt.Errorf("Parameters has the Path %q: want one such as /shop/production", p.Path))
	}
	if p.Region != "" && !region.MatchString(p.Region) {
		all = append(all, fmt.Errorf("Parameters has the Region %q: want one such as eu-central-1", p.Region))
	}
	all = append(all, checkPath("Parameters", p.File))
	if strings.HasSuffix(p.File, "/") || path.Clean(p.File) == "process" {
		all = append(all, fmt.Errorf("Parameters has the File %q: want a file's name", p.File))
	}
	for _, name := range p.Required {
		if !settingName.MatchString(name) {
			all = append(all, fmt.Errorf("Parameters requires %q: want a name of letters, digits and _", name))
		}
	}
	return errors.Join(all...)
}

// tell is what the step prepare is told of them.
func (p Parameters) tell(s *settings) {
	if p.Path == "" {
		return
	}
	s.set("parameters", p.Path)
	s.set("parameters_file", p.File)
	if p.Region != "" {
		s.set("parameters_region", p.Region)
	}
	for _, name := range p.Required {
		s.set("required", name)
	}
}
