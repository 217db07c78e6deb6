//go:build integration

package ec2target_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	elasticloadbalancing "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
)

// wire is the way of a deployer's process to the cloud in the test's: its clients.
type wire struct{ url string }

// answer is what a call came to.
type answer struct {
	Code, Message string
	Out           json.RawMessage
}

// object is one of S3, or a request to write it.
type object struct {
	Key, ETag, Match, NoneMatch string
	Body                        []byte
}

// call makes one call of the API by its name.
func call[Out any](ctx context.Context, w wire, name string, in any) (*Out, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/call/"+name, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var a answer
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		return nil, err
	}
	if a.Code != "" {
		return nil, &smithy.GenericAPIError{Code: a.Code, Message: a.Message}
	}
	out := new(Out)
	return out, json.Unmarshal(a.Out, out)
}

// serve answers what call has sent. Cloud has a method for each.
func serveCall(ctx context.Context, cloud any, name string, body io.Reader) (a answer, err error) {
	method := reflect.ValueOf(cloud).MethodByName(name)
	if !method.IsValid() {
		return a, fmt.Errorf("there is no %s", name)
	}
	in := reflect.New(method.Type().In(1).Elem())
	if err := json.NewDecoder(body).Decode(in.Interface()); err != nil {
		return a, err
	}
	results := method.Call([]reflect.Value{reflect.ValueOf(ctx), in})
	if err, ok := results[1].Interface().(error); ok {
		a.Code, a.Message = "InternalFailure", err.Error()
		var api smithy.APIError
		if errors.As(err, &api) {
			a.Code, a.Message = api.ErrorCode(), api.ErrorMessage()
		}
		return a, nil
	}
	a.Out, err = json.Marshal(results[0].Interface())
	return a, err
}

func (w wire) SendCommand(ctx context.Context, in *ssm.SendCommandInput, _ ...func(*ssm.Options)) (*ssm.SendCommandOutput, error) {
	return call[ssm.SendCommandOutput](ctx, w, "SendCommand", in)
}

func (w wire) ListCommandInvocations(ctx context.Context, in *ssm.ListCommandInvocationsInput, _ ...func(*ssm.Options)) (*ssm.ListCommandInvocationsOutput, error) {
	return call[ssm.ListCommandInvocationsOutput](ctx, w, "ListCommandInvocations", in)
}

func (w wire) CancelCommand(ctx context.Context, in *ssm.CancelCommandInput, _ ...func(*ssm.Options)) (*ssm.CancelCommandOutput, error) {
	return call[ssm.CancelCommandOutput](ctx, w, "CancelCommand", in)
}

func (w wire) RegisterTargets(ctx context.Context, in *elasticloadbalancing.RegisterTargetsInput, _ ...func(*elasticloadbalancing.Options)) (*elasticloadbalancing.RegisterTargetsOutput, error) {
	return call[elasticloadbalancing.RegisterTargetsOutput](ctx, w, "RegisterTargets", in)
}

func (w wire) DeregisterTargets(ctx context.Context, in *elasticloadbalancing.DeregisterTargetsInput, _ ...func(*elasticloadbalancing.Options)) (*elasticloadbalancing.DeregisterTargetsOutput, error) {
	return call[elasticloadbalancing.DeregisterTargetsOutput](ctx, w, "DeregisterTargets", in)
}

func (w wire) DescribeTargetHealth(ctx context.Context, in *elasticloadbalancing.DescribeTargetHealthInput, _ ...func(*elasticloadbalancing.Options)) (*elasticloadbalancing.DescribeTargetHealthOutput, error) {
	return call[elasticloadbalancing.DescribeTargetHealthOutput](ctx, w, "DescribeTargetHealth", in)
}

func (w wire) DescribeAutoScalingGroups(ctx context.Context, in *autoscaling.DescribeAutoScalingGroupsInput, _ ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
	return call[autoscaling.DescribeAutoScalingGroupsOutput](ctx, w, "DescribeAutoScalingGroups", in)
}

func (w wire) SetDesiredCapacity(ctx context.Context, in *autoscaling.SetDesiredCapacityInput, _ ...func(*autoscaling.Options)) (*autoscaling.SetDesiredCapacityOutput, error) {
	return call[autoscaling.SetDesiredCapacityOutput](ctx, w, "SetDesiredCapacity", in)
}

func (w wire) PutScheduledUpdateGroupAction(ctx context.Context, in *autoscaling.PutScheduledUpdateGroupActionInput, _ ...func(*autoscaling.Options)) (*autoscaling.PutScheduledUpdateGroupActionOutput, error) {
	return call[autoscaling.PutScheduledUpdateGroupActionOutput](ctx, w, "PutScheduledUpdateGroupAction", in)
}

func (w wire) GetObject(ctx context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	out, err := call[object](ctx, w, "Get", object{Key: *in.Key})
	if err != nil {
		return nil, err
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(out.Body)), ETag: &out.ETag}, nil
}

func (w wire) HeadObject(ctx context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	_, err := call[object](ctx, w, "Get", object{Key: *in.Key})
	return &s3.HeadObjectOutput{LastModified: new(time.Now())}, err
}

// PresignGetObject needs no signature: nobody else reaches this server.
func (w wire) PresignGetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.PresignOptions)) (*v4.PresignedHTTPRequest, error) {
	return &v4.PresignedHTTPRequest{URL: w.url + "/presigned/" + *in.Key, Method: http.MethodGet}, nil
}

func (w wire) PutObject(ctx context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	o := object{Key: *in.Key, Body: body}
	if in.IfMatch != nil {
		o.Match = *in.IfMatch
	}
	if in.IfNoneMatch != nil {
		o.NoneMatch = *in.IfNoneMatch
	}
	_, err = call[object](ctx, w, "Put", o)
	return &s3.PutObjectOutput{}, err
}
