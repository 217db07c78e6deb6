package s3test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Policy is an IAM policy that allows actions on resources. A nil Policy allows
// everything.
type Policy struct {
	// Statement lists what is allowed.
	Statement []Statement
}

// Statement allows actions on resources, in each of which "*" stands for anything.
type Statement struct {
	// Sid names the statement, Effect is Allow.
	Sid, Effect string
	// Action and Resource list names and ARNs.
	Action, Resource []string
}

// ParsePolicy reads a policy, in which bucket stands in the place of BUCKET and
// prefix in the place of PREFIX. It refuses what the Bucket does not simulate:
// conditions, denials, single words in the place of lists.
func ParsePolicy(document []byte, bucket, prefix string) (*Policy, error) {
	var p struct {
		Version string
		Policy
	}
	filled := strings.NewReplacer("BUCKET", bucket, "PREFIX", prefix).Replace(string(document))
	d := json.NewDecoder(bytes.NewReader([]byte(filled)))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	if p.Version != "2012-10-17" || len(p.Statement) == 0 {
		return nil, fmt.Errorf("read policy: version %q with %d statements", p.Version, len(p.Statement))
	}
	for _, s := range p.Statement {
		if s.Effect != "Allow" || len(s.Action) == 0 || len(s.Resource) == 0 {
			return nil, fmt.Errorf("read policy: statement %q has effect %q, %d actions and %d resources", s.Sid, s.Effect, len(s.Action), len(s.Resource))
		}
	}
	return &p.Policy, nil
}

// Allows reports whether the policy gives a permission.
func (p *Policy) Allows(want Permission) bool {
	return p == nil || slices.ContainsFunc(p.Statement, func(s Statement) bool { return s.allows(want) })
}

func (s Statement) allows(want Permission) bool {
	return slices.ContainsFunc(s.Action, func(a string) bool { return covers(a, want.Action) }) &&
		slices.ContainsFunc(s.Resource, func(r string) bool { return covers(r, want.Resource) })
}

// Unused returns the actions that the policy names and none of the calls needed: a
// policy of least privilege has none.
func (p *Policy) Unused(calls []Call) []string {
	var unused []string
	for _, s := range p.Statement {
		for _, action := range s.Action {
			one := Statement{Action: []string{action}, Resource: s.Resource}
			if !slices.ContainsFunc(calls, func(c Call) bool { return slices.ContainsFunc(c.Permissions, one.allows) }) {
				unused = append(unused, action)
			}
		}
	}
	return unused
}

// judge returns the error of a request that is not allowed. It names the action, as
// AWS does.
func (p *Policy) judge(c Call) error {
	for _, want := range c.Permissions {
		if !p.Allows(want) {
			return Failure(403, "AccessDenied", fmt.Sprintf("User: arn:aws:iam::123456789012:user/deployer is not authorized to perform: %s on resource: %q", want.Action, want.Resource))
		}
	}
	return nil
}

// covers reports whether a pattern stands for a name. A "*" stands for slashes too.
func covers(pattern, name string) bool {
	hide := strings.NewReplacer("/", "\x00")
	ok, err := path.Match(strings.NewReplacer("/", "\x00", "[", `\[`, "?", `\?`, `\`, `\\`).Replace(pattern), hide.Replace(name))
	return ok && err == nil
}
