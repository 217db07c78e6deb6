package ec2target_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// services are the SDK's packages and what IAM calls them.
var services = map[string]string{
	"ssm": "ssm", "autoscaling": "autoscaling", "elasticloadbalancingv2": "elasticloadbalancing", "ec2": "ec2", "s3": "s3",
}

// actions are what a request needs. Without the right to list, S3 says of an object that
// is not there that it is forbidden.
func actions(request string) []string {
	if request == "s3:HeadObject" || request == "s3:GetObject" {
		return []string{"s3:GetObject", "s3:ListBucket"}
	}
	return []string{request}
}

// unconfined are the actions that know no resources: AWS grants them for all or none.
var unconfined = []string{
	"autoscaling:DescribeAutoScalingGroups", "ec2:DescribeInstances", "elasticloadbalancing:DescribeTargetHealth",
	"ssm:CancelCommand", "ssm:DescribeInstanceInformation", "ssm:ListCommandInvocations",
}

func TestEachPackagesPolicyIsWhatItsCodeAsksFor(t *testing.T) {
	files, err := filepath.Glob("*/*.go")
	require.NoError(t, err)
	asked := map[string][]string{}
	for _, file := range files {
		if dir := filepath.Dir(file); dir != "ec2test" && !strings.HasSuffix(file, "_test.go") {
			if all := asksFor(t, file); len(all) > 0 {
				asked[dir] = append(asked[dir], all...)
			}
		}
	}
	for dir, want := range asked {
		slices.Sort(want)
		assert.Equal(t, slices.Compact(want), allowed(t, filepath.Join(dir, "policy.json")), dir)
	}
	assert.Len(t, asked, 8)
}

func TestNoPolicyIsWiderThanAWSWantsIt(t *testing.T) {
	files, err := filepath.Glob("*/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		for _, s := range statements(t, file) {
			for _, a := range s.Action {
				assert.NotContains(t, a, "*", file)
				assert.Equal(t, slices.Contains(unconfined, a), slices.Contains(s.Resource, "*"), "%s: %s", file, a)
			}
		}
	}
}

// asksFor lists the actions of the SDK's requests that a file makes.
func asksFor(t *testing.T, file string) (all []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	clients := clientsOf(t, f)
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			x, _ := s.X.(*ast.Ident)
			request, is := strings.CutSuffix(s.Sel.Name, "Input")
			if is && x != nil && clients[x.Name] != "" {
				all = append(all, actions(clients[x.Name]+":"+request)...)
			}
		}
		return true
	})
	return all
}

// clientsOf maps the names of the SDK's packages in a file to the services of IAM.
func clientsOf(t *testing.T, f *ast.File) map[string]string {
	t.Helper()
	clients := map[string]string{}
	for _, i := range f.Imports {
		at, err := strconv.Unquote(i.Path.Value)
		require.NoError(t, err)
		service, ok := strings.CutPrefix(at, "github.com/aws/aws-sdk-go-v2/service/")
		if !ok || strings.Contains(service, "/") {
			continue
		}
		require.Contains(t, services, service)
		name := service
		if i.Name != nil {
			name = i.Name.Name
		}
		clients[name] = services[service]
	}
	return clients
}

type statement struct{ Action, Resource []string }

func statements(t *testing.T, file string) []statement {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var p struct{ Statement []statement }
	require.NoError(t, json.Unmarshal(text, &p), file)
	return p.Statement
}

// allowed lists the actions of a policy.
func allowed(t *testing.T, file string) (all []string) {
	t.Helper()
	for _, s := range statements(t, file) {
		all = append(all, s.Action...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
