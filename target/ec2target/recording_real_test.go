//go:build integration

package ec2target_test

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// recording keeps what the last call of each kind came to.
type recording struct {
	*ssm.Client
	errs map[string]error
}

func (r *recording) keep(call string, err error) {
	if r.errs == nil {
		r.errs = map[string]error{}
	}
	r.errs[call] = err
}

func (r *recording) SendCommand(ctx context.Context, in *ssm.SendCommandInput, o ...func(*ssm.Options)) (*ssm.SendCommandOutput, error) {
	out, err := r.Client.SendCommand(ctx, in, o...)
	r.keep("SendCommand", err)
	return out, err
}

func (r *recording) ListCommandInvocations(ctx context.Context, in *ssm.ListCommandInvocationsInput, o ...func(*ssm.Options)) (*ssm.ListCommandInvocationsOutput, error) {
	out, err := r.Client.ListCommandInvocations(ctx, in, o...)
	r.keep("ListCommandInvocations", err)
	return out, err
}
