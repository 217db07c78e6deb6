package runcommand

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// over says whether an invocation has ended.
func over(s types.CommandInvocationStatus) bool {
	switch s {
	case types.CommandInvocationStatusPending, types.CommandInvocationStatusInProgress,
		types.CommandInvocationStatusDelayed, types.CommandInvocationStatusCancelling:
		return false
	}
	return true
}

// outcome is what an invocation came to. An answer counts, whatever the status says:
// the host judges itself in it. Where more was said than SSM can carry, it is told where
// the rest is.
func (f *flight) outcome(c *call, i types.CommandInvocation) outcome {
	p := plugin(i)
	stdout, stderr := unwrap(aws.ToString(p.Output), f.nonce, c.in.Nonce)
	o := outcome{stdout: stdout, stderr: strings.Trim(stderr, "\n")}
	failed := i.Status != types.CommandInvocationStatusSuccess
	if failed {
		o.err = fmt.Errorf("run on %s: command %s: %s, exit status %d", c.id, f.command, details(i), p.ResponseCode)
	}
	url := cmp.Or(aws.ToString(p.StandardErrorUrl), aws.ToString(i.StandardErrorUrl))
	if url != "" && (failed || len(stderr) >= kept) {
		o.stderr += "\n(all of it is in " + url + ")"
	}
	return o
}

// plugin is the part of an invocation that ran the script.
func plugin(i types.CommandInvocation) types.CommandPlugin {
	for _, p := range i.CommandPlugins {
		if aws.ToString(p.Output) != "" || len(i.CommandPlugins) == 1 {
			return p
		}
	}
	return types.CommandPlugin{}
}

// details is SSM's own word for how it ended: "Undeliverable", "ExecutionTimedOut", ...
func details(i types.CommandInvocation) string {
	return cmp.Or(aws.ToString(i.StatusDetails), string(i.Status))
}

// took is how long the script ran, by one clock: the host's. SSM need not say.
func took(i types.CommandInvocation) (d time.Duration, ok bool) {
	p := plugin(i)
	if p.ResponseStartDateTime == nil || p.ResponseFinishDateTime == nil {
		return 0, false
	}
	return p.ResponseFinishDateTime.Sub(*p.ResponseStartDateTime), true
}
