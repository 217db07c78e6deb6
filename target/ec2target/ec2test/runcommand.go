package ec2test

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// command is one that SSM has taken.
type command struct {
	id      string
	in      *ssm.SendCommandInput
	script  *Script
	since   time.Time
	runs    []*run // in the order in which they are to start
	errors  int
	ctx     context.Context // ends when it is cancelled
	cancel  context.CancelFunc
	started int
}

// run is a command on one instance: an invocation.
type run struct {
	id             string
	status         types.CommandInvocationStatus
	details        string
	stdout, stderr string
	code           int
	started, ended time.Time
}

// SendCommand takes a command, of which it knows nothing for Config.Visible.
func (c *Cloud) SendCommand(ctx context.Context, in *ssm.SendCommandInput, _ ...func(*ssm.Options)) (*ssm.SendCommandOutput, error) {
	if err := c.enter(ctx, "SendCommand"); err != nil {
		return nil, err
	}
	if err := checkCommand(in); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var unknown []string
	for _, id := range in.InstanceIds {
		if i := c.instances[id]; i == nil || !i.managed {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) > 0 {
		return nil, &types.InvalidInstanceId{Message: new(fmt.Sprintf(
			"Instances [[%s]] not in a valid state for account 123456789012", strings.Join(unknown, ", ")))}
	}
	k := c.accept(in)
	if c.chance(c.c.Faults.Unanswered) {
		return nil, ErrLost
	}
	return &ssm.SendCommandOutput{Command: &types.Command{CommandId: &k.id, Status: types.CommandStatusPending}}, nil
}

func checkCommand(in *ssm.SendCommandInput) error {
	invalid := func(format string, args ...any) error {
		return failure("ValidationException", fmt.Sprintf(format, args...))
	}
	ids := slices.Sorted(slices.Values(in.InstanceIds))
	switch {
	case len(ids) == 0 || len(ids) > 50:
		return invalid("instanceIds has %d members: from 1 to 50 are allowed", len(ids))
	case len(slices.Compact(ids)) != len(in.InstanceIds):
		return &types.DuplicateInstanceId{Message: new("an instance is named twice")}
	case in.DocumentName == nil || *in.DocumentName != "AWS-RunShellScript":
		return &types.InvalidDocument{Message: new("no such document")}
	case len(in.Parameters["commands"]) == 0:
		return &types.InvalidParameters{Message: new("commands is required")}
	case in.TimeoutSeconds != nil && *in.TimeoutSeconds < 30:
		return invalid("timeoutSeconds is %d: at least 30", *in.TimeoutSeconds)
	case in.Comment != nil && len(*in.Comment) > 100:
		return invalid("comment is longer than 100 characters")
	}
	return nil
}

// accept starts a command. The lock is held.
func (c *Cloud) accept(in *ssm.SendCommandInput) *command {
	k := &command{
		id: fmt.Sprintf("00000000-0000-4000-8000-%012x", c.next()), in: in, since: time.Now(),
		script: &Script{Text: strings.Join(in.Parameters["commands"], "\n")},
	}
	k.ctx, k.cancel = context.WithCancel(context.Background()) // it outlives the call
	for _, id := range in.InstanceIds {
		k.runs = append(k.runs, &run{id: id, status: types.CommandInvocationStatusPending})
	}
	c.commands[k.id] = k
	for range max(1, amount(in.MaxConcurrency, 50, len(k.runs))) {
		c.start(k)
	}
	return k
}

// start starts the next run of a command, if there is one and it has not failed too
// often. The lock is held.
func (c *Cloud) start(k *command) {
	if k.started == len(k.runs) {
		return
	}
	r := k.runs[k.started]
	k.started++
	if k.ctx.Err() != nil || k.errors > amount(k.in.MaxErrors, 0, len(k.runs)) {
		r.status, r.details = types.CommandInvocationStatusCancelled, "Terminated"
		c.start(k)
		return
	}
	c.running.Go(func() {
		c.run(k, r)
		c.mu.Lock()
		defer c.mu.Unlock()
		if r.status != types.CommandInvocationStatusSuccess {
			k.errors++
		}
		c.start(k)
	})
}

// amount reads "7" or "20%".
func amount(s *string, otherwise, of int) int {
	if s == nil {
		return otherwise
	}
	if part, ok := strings.CutSuffix(*s, "%"); ok {
		n, _ := strconv.Atoi(part)
		return of * n / 100
	}
	n, _ := strconv.Atoi(*s)
	return n
}

// ListCommandInvocations tells how far a command is, fifty invocations at a time.
func (c *Cloud) ListCommandInvocations(ctx context.Context, in *ssm.ListCommandInvocationsInput, _ ...func(*ssm.Options)) (*ssm.ListCommandInvocationsOutput, error) {
	if err := c.enter(ctx, "ListCommandInvocations"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.commands[text(in.CommandId)]
	if k == nil {
		return nil, &types.InvalidCommandId{Message: new("the command id is not valid")}
	}
	if time.Since(k.since) < c.c.Visible {
		return nil, &types.InvocationDoesNotExist{Message: new("the invocation does not exist")}
	}
	size := 50
	if in.MaxResults != nil {
		size = int(*in.MaxResults)
	}
	part, next, err := page(k.runs, in.NextToken, min(50, size))
	if err != nil {
		return nil, err
	}
	out := &ssm.ListCommandInvocationsOutput{NextToken: next}
	for _, r := range part {
		out.CommandInvocations = append(out.CommandInvocations, r.show(k, in.Details))
	}
	return out, nil
}

// show is an invocation as SSM tells of it: the start of its output, and the details
// only where they were asked for.
func (r *run) show(k *command, details bool) types.CommandInvocation {
	i := types.CommandInvocation{
		CommandId: &k.id, InstanceId: &r.id, Status: r.status,
		StatusDetails: new(cmp.Or(r.details, string(r.status))), RequestedDateTime: &k.since,
	}
	if k.in.OutputS3BucketName != nil {
		i.StandardErrorUrl = new("https://s3.amazonaws.com/" + path.Join(*k.in.OutputS3BucketName, aws.ToString(k.in.OutputS3KeyPrefix), k.id, r.id, "stderr"))
	}
	if details && !r.started.IsZero() {
		p := types.CommandPlugin{Name: new("aws:runShellScript"), ResponseStartDateTime: &r.started}
		if !r.ended.IsZero() {
			p.Output, p.ResponseCode, p.ResponseFinishDateTime = new(shown(r.stdout, r.stderr)), int32(r.code), &r.ended
		}
		i.CommandPlugins = []types.CommandPlugin{p}
	}
	return i
}

// shown cuts an output as SSM's agent does: it keeps the start.
func shown(stdout, stderr string) string {
	const most, cut, mark = 2500, "\n---Output truncated---", "\n----------ERROR-------\n"
	shorten := func(s string, n int) string {
		if len(s) <= n {
			return s
		}
		return s[:max(0, n-len(cut))] + cut
	}
	if stderr == "" {
		return shorten(stdout, most)
	}
	room := most - len(mark)
	stdout = shorten(stdout, max(room/2, room-len(stderr)))
	return stdout + mark + shorten(stderr, room-len(stdout))
}

// CancelCommand has a command start on no further instance, and tells those that run it
// to end it.
func (c *Cloud) CancelCommand(ctx context.Context, in *ssm.CancelCommandInput, _ ...func(*ssm.Options)) (*ssm.CancelCommandOutput, error) {
	if err := c.enter(ctx, "CancelCommand"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.commands[text(in.CommandId)]
	if k == nil {
		return nil, &types.InvalidCommandId{Message: new("the command id is not valid")}
	}
	k.cancel()
	return &ssm.CancelCommandOutput{}, nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
