package runcommand

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// document is AWS's own, for sh.
const document = "AWS-RunShellScript"

// ErrNotManaged says that SSM cannot reach an instance: its agent does not run or has no
// permission, or the instance is stopped or gone.
var ErrNotManaged = errors.New("runcommand: SSM does not reach the instance: is it gone, does its agent run, and has its role AmazonSSMManagedInstanceCore")

// once has the budget alone retry.
func once(o *ssm.Options) { o.Retryer = aws.NopRetryer{} }

// send has SSM take the command. If the answer is lost it is sent again, under the same
// nonce, and runs twice. The call is paid for.
func (f *flight) send() error {
	in, err := f.input()
	if err != nil {
		return err
	}
	return f.s.c.Sends.DoPaid(f.ctx, func(ctx context.Context) error {
		out, err := f.s.c.Client.SendCommand(ctx, in, once)
		if err != nil {
			return err
		}
		if out.Command == nil || aws.ToString(out.Command.CommandId) == "" {
			return errors.New("the answer names no command")
		}
		f.command = *out.Command.CommandId
		return nil
	})
}

func (f *flight) input() (*ssm.SendCommandInput, error) {
	ids := slices.Sorted(maps.Keys(f.calls))
	first := f.calls[ids[0]]
	text, err := first.text(f.nonce)
	if err != nil {
		return nil, err
	}
	in := &ssm.SendCommandInput{
		DocumentName:   new(document),
		InstanceIds:    ids,
		Comment:        new("muster " + f.step),
		TimeoutSeconds: new(int32(f.s.c.Deliver / time.Second)),
		MaxConcurrency: new(strconv.Itoa(f.width)),
		MaxErrors:      new("100%"), // one host that fails must not keep SSM from asking the next
		Parameters: map[string][]string{
			"commands":         {wrap(text, first.in.Script)},
			"executionTimeout": {strconv.Itoa(int(f.s.c.Limit / time.Second))},
		},
	}
	if l := f.s.c.Logs; l.Bucket != "" {
		in.OutputS3BucketName = &l.Bucket
		if l.Prefix != "" {
			in.OutputS3KeyPrefix = &l.Prefix
		}
	}
	return in, nil
}

// named finds instances in a message: "Instances [[i-0123456789abcdef0]] not in a valid
// state for account 123456789012".
var named = regexp.MustCompile(`\bm?i-[0-9a-f]{8,17}\b`)

// refused deals with a command that SSM did not take. It refuses all for one that it does
// not know: that one is taken out, or, if the message does not name it, looked for.
func (f *flight) refused(err error) {
	var invalid *types.InvalidInstanceId
	if !errors.As(err, &invalid) {
		f.all(fmt.Errorf("send command: %w", err))
		return
	}
	var out []string
	for _, id := range named.FindAllString(invalid.ErrorMessage(), -1) {
		if f.calls[id] != nil {
			out = append(out, id)
		}
	}
	if len(f.calls) == 1 {
		out = slices.Collect(maps.Keys(f.calls))
	}
	for _, id := range out {
		if c := f.calls[id]; c != nil {
			f.end(c, outcome{err: fmt.Errorf("run on %s: %w: %s", id, ErrNotManaged, invalid.ErrorMessage())})
		}
	}
	f.again(len(out) > 0)
}

// again sends what is left once more: as one command, or as two halves to find the
// instance that is the matter.
func (f *flight) again(whole bool) {
	ids := slices.Sorted(maps.Keys(f.calls))
	if len(ids) == 0 {
		return
	}
	parts := [][]string{ids}
	if !whole {
		parts = [][]string{ids[:len(ids)/2], ids[len(ids)/2:]}
	}
	for _, part := range parts {
		g := newFlight(f.s, f.step)
		for _, id := range part {
			g.calls[id] = f.calls[id]
		}
		f.s.mu.Lock()
		g.open(f.width)
		f.s.mu.Unlock()
		go func() {
			if g.s.c.Sends.Wait(g.ctx) == nil {
				g.fly()
			} else {
				g.close()
			}
		}()
	}
}
