package ec2target_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/muster-deploy/muster/target/ec2target/runcommand"
)

// tally counts the calls to SSM by the step that they are for.
type tally struct {
	runcommand.Client
	mu    sync.Mutex
	steps map[string]string // by command
	calls map[string]int
}

func (y *tally) count(call, step string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.calls[step+" "+call]++
}

// SendCommand implements runcommand.Client.
func (y *tally) SendCommand(ctx context.Context, in *ssm.SendCommandInput, o ...func(*ssm.Options)) (*ssm.SendCommandOutput, error) {
	step := strings.TrimPrefix(*in.Comment, "muster ")
	y.count("sent", step)
	out, err := y.Client.SendCommand(ctx, in, o...)
	if err == nil {
		y.mu.Lock()
		y.steps[*out.Command.CommandId] = step
		y.mu.Unlock()
	}
	return out, err
}

// ListCommandInvocations implements runcommand.Client.
func (y *tally) ListCommandInvocations(ctx context.Context, in *ssm.ListCommandInvocationsInput, o ...func(*ssm.Options)) (*ssm.ListCommandInvocationsOutput, error) {
	y.mu.Lock()
	step := y.steps[*in.CommandId]
	y.mu.Unlock()
	y.count("looked at", step)
	return y.Client.ListCommandInvocations(ctx, in, o...)
}

func (y *tally) String() string {
	y.mu.Lock()
	defer y.mu.Unlock()
	var all []string
	for _, what := range slices.Sorted(maps.Keys(y.calls)) {
		all = append(all, fmt.Sprintf("%s %d", what, y.calls[what]))
	}
	return strings.Join(all, ", ")
}
