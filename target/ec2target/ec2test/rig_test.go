package ec2test_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/ec2target/ec2test"
)

// counter is a machine that takes a second, and counts how often it ran and how many
// such run at once.
type counter struct {
	mu           sync.Mutex
	runs         int
	now, most    *int // of all that share them
	status       int
	takes        time.Duration
	interrupted  bool
	stdout, errs string
}

func (m *counter) Run(ctx context.Context, _ *ec2test.Script) (stdout, stderr string, status int) {
	m.mu.Lock()
	m.runs++
	m.mu.Unlock()
	m.count(1)
	defer m.count(-1)
	select {
	case <-ctx.Done():
		m.mu.Lock()
		m.interrupted = true
		m.mu.Unlock()
		return "", "killed", 137
	case <-time.After(m.takes):
	}
	return m.stdout, m.errs, m.status
}

var counting sync.Mutex

func (m *counter) count(n int) {
	counting.Lock()
	defer counting.Unlock()
	if m.now != nil {
		*m.now += n
		*m.most = max(*m.most, *m.now)
	}
}

func name(i int) string { return fmt.Sprintf("i-%08x", i+1) }

// launch starts instances of a machine each, and returns their ids.
func launch(c *ec2test.Cloud, n int, machine func(i int) ec2test.Machine) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = c.Launch(ec2test.Instance{ID: name(i), Machine: machine(i)})
	}
	return ids
}

// command is a SendCommandInput for instances.
func command(ids ...string) *ssm.SendCommandInput {
	return &ssm.SendCommandInput{
		DocumentName: new("AWS-RunShellScript"), InstanceIds: ids, Parameters: map[string][]string{"commands": {"true"}},
	}
}

func send(t *testing.T, c *ec2test.Cloud, in *ssm.SendCommandInput) string {
	t.Helper()
	out, err := c.SendCommand(t.Context(), in)
	require.NoError(t, err)
	return *out.Command.CommandId
}

// list returns the invocations of a command by instance, all pages of them.
func list(t *testing.T, c *ec2test.Cloud, id string) map[string]types.CommandInvocation {
	t.Helper()
	all := map[string]types.CommandInvocation{}
	in := &ssm.ListCommandInvocationsInput{CommandId: &id, Details: true}
	for {
		out, err := c.ListCommandInvocations(t.Context(), in)
		require.NoError(t, err)
		for _, i := range out.CommandInvocations {
			require.NotContains(t, all, *i.InstanceId)
			all[*i.InstanceId] = i
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return all
		}
	}
}

// statuses are the invocations' details.
func statuses(all map[string]types.CommandInvocation) map[string]int {
	n := map[string]int{}
	for _, i := range all {
		n[*i.StatusDetails]++
	}
	return n
}
