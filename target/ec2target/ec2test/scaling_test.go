package ec2test_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/ec2target/ec2test"
)

// lives are the instances of a group and their lifecycle states.
func lives(t *testing.T, c *ec2test.Cloud, group string) map[string]string {
	t.Helper()
	out, err := c.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{group}})
	require.NoError(t, err)
	all := map[string]string{}
	for _, i := range out.AutoScalingGroups[0].Instances {
		all[*i.InstanceId] = string(i.LifecycleState)
	}
	return all
}

func desire(t *testing.T, c *ec2test.Cloud, group string, n int) error {
	t.Helper()
	_, err := c.SetDesiredCapacity(t.Context(), &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: &group, DesiredCapacity: new(int32(n))})
	return err
}

func complete(t *testing.T, c *ec2test.Cloud, id, hook, result string) error {
	t.Helper()
	_, err := c.CompleteLifecycleAction(t.Context(), &autoscaling.CompleteLifecycleActionInput{
		AutoScalingGroupName: new("shop"), LifecycleHookName: &hook, InstanceId: &id, LifecycleActionResult: &result,
	})
	return err
}

// numbered launches instances with names in order.
func numbered() func() ec2test.Instance {
	n := 0
	return func() ec2test.Instance { n++; return ec2test.Instance{ID: name(n - 1), Zone: "a"} }
}

func TestAGroupKeepsToWhatIsDesired(t *testing.T) {
	c := ec2test.New(ec2test.Config{})
	c.AddScalingGroup(ec2test.ScalingGroup{Name: "shop", Min: 1, Max: 4, Launch: numbered()})
	assert.Equal(t, map[string]string{name(0): "InService"}, lives(t, c, "shop"), "as many as it has at least")
	require.NoError(t, desire(t, c, "shop", 3))
	require.NoError(t, desire(t, c, "shop", 3))
	assert.Len(t, lives(t, c, "shop"), 3)
	c.Terminate(name(1))
	assert.Equal(t, map[string]string{name(0): "InService", name(2): "InService", name(3): "InService"}, lives(t, c, "shop"), "another one takes its place")
	require.NoError(t, desire(t, c, "shop", 2))
	assert.NotContains(t, lives(t, c, "shop"), name(0), "the oldest goes first")
	require.ErrorContains(t, desire(t, c, "shop", 5), "above max")
	require.ErrorContains(t, desire(t, c, "shop", 0), "below min")
	require.ErrorContains(t, desire(t, c, "shpo", 1), "not found")
	require.NoError(t, desire(t, c, "shop", 4))
	assert.Len(t, lives(t, c, "shop"), 4)
	_, err := c.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{"shpo"}})
	require.NoError(t, err, "who is not there is not told of")
}

func TestTerminatingInAGroup(t *testing.T) {
	c := ec2test.New(ec2test.Config{})
	c.AddScalingGroup(ec2test.ScalingGroup{Name: "shop", Min: 2, Launch: numbered()})
	require.NoError(t, desire(t, c, "shop", 3))
	end := func(id string, less bool) error {
		_, err := c.TerminateInstanceInAutoScalingGroup(t.Context(), &autoscaling.TerminateInstanceInAutoScalingGroupInput{
			InstanceId: &id, ShouldDecrementDesiredCapacity: &less,
		})
		return err
	}
	require.NoError(t, end(name(0), false))
	assert.Len(t, lives(t, c, "shop"), 3)
	require.NoError(t, end(name(1), true))
	assert.Len(t, lives(t, c, "shop"), 2)
	require.ErrorContains(t, end(name(2), true), "min size")
	require.ErrorContains(t, end(name(0), true), "not found")
	loner := c.Launch(ec2test.Instance{})
	require.ErrorContains(t, end(loner, false), "not found", "it is in no group")
}

func TestAHookHoldsAnInstanceUntilItIsCompleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ec2test.New(ec2test.Config{Drain: 5 * time.Second})
		arn := c.AddTargetGroup("shop")
		c.AddScalingGroup(ec2test.ScalingGroup{
			Name: "shop", Min: 1, Launch: numbered(), Hook: "up", HookLimit: time.Minute, TargetGroups: []string{arn},
		})
		assert.Equal(t, map[string]string{name(0): "Pending:Wait"}, lives(t, c, "shop"))
		assert.Empty(t, c.Healthy(arn))
		require.ErrorContains(t, complete(t, c, name(0), "down", "CONTINUE"), "No active Lifecycle Action")
		require.NoError(t, complete(t, c, name(0), "up", "CONTINUE"))
		assert.Equal(t, map[string]string{name(0): "InService"}, lives(t, c, "shop"))
		assert.Equal(t, []string{name(0)}, c.Healthy(arn), "it is registered now")
		require.Error(t, complete(t, c, name(0), "up", "CONTINUE"), "twice is once")
		time.Sleep(time.Hour)
		assert.Contains(t, lives(t, c, "shop"), name(0))

		require.NoError(t, desire(t, c, "shop", 2))
		time.Sleep(time.Minute - time.Second)
		assert.Equal(t, "Pending:Wait", lives(t, c, "shop")[name(1)])
		time.Sleep(2 * time.Second)
		assert.Equal(t, map[string]string{name(0): "InService", name(2): "Pending:Wait"}, lives(t, c, "shop"), "abandoned, and another one started")
		require.NoError(t, complete(t, c, name(2), "up", "ABANDON"))
		assert.Contains(t, lives(t, c, "shop"), name(3))

		require.NoError(t, desire(t, c, "shop", 1)) // the oldest is drained first
		assert.Equal(t, "Terminating", lives(t, c, "shop")[name(0)])
		assert.Empty(t, c.Healthy(arn))
		time.Sleep(4 * time.Second)
		assert.Contains(t, lives(t, c, "shop"), name(0))
		time.Sleep(2 * time.Second)
		assert.NotContains(t, lives(t, c, "shop"), name(0))
	})
}

func TestAScheduledActionHappensOnceAtItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ec2test.New(ec2test.Config{})
		c.AddScalingGroup(ec2test.ScalingGroup{Name: "spare", Max: 1, Launch: numbered()})
		at := func(d time.Duration, n int) error {
			_, err := c.PutScheduledUpdateGroupAction(t.Context(), &autoscaling.PutScheduledUpdateGroupActionInput{
				AutoScalingGroupName: new("spare"), ScheduledActionName: new("off"), StartTime: new(time.Now().Add(d)), DesiredCapacity: new(int32(n)),
			})
			return err
		}
		require.ErrorContains(t, at(-time.Second, 0), "in the past")
		require.NoError(t, at(time.Minute, 0))
		require.NoError(t, at(time.Hour, 0), "the name is the same: it takes the place")
		require.NoError(t, desire(t, c, "spare", 1))
		time.Sleep(time.Hour - time.Second)
		assert.Len(t, lives(t, c, "spare"), 1)
		time.Sleep(2 * time.Second)
		assert.Empty(t, lives(t, c, "spare"))
		require.NoError(t, desire(t, c, "spare", 1))
		time.Sleep(24 * time.Hour)
		assert.Len(t, lives(t, c, "spare"), 1)
		require.NoError(t, at(time.Minute, 7))
		time.Sleep(time.Hour)
		assert.Len(t, lives(t, c, "spare"), 1, "what is out of bounds does nothing")
	})
}

func TestInstancesWithoutAnSDKAreAnswered(t *testing.T) {
	c := ec2test.New(ec2test.Config{})
	c.AddScalingGroup(ec2test.ScalingGroup{Name: "shop", Hook: "up", Launch: func() ec2test.Instance {
		return ec2test.Instance{ID: name(0), Zone: "a", Tags: map[string]string{"muster-boot": "candidate"}}
	}})
	require.NoError(t, desire(t, c, "shop", 1))
	c.Launch(ec2test.Instance{ID: name(1), ReadableTags: true, Tags: map[string]string{"muster-boot": "candidate"}})
	server := httptest.NewServer(c)
	defer server.Close()
	ask := func(method, path, token string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		require.NoError(t, err)
		r.Header.Set("X-aws-ec2-metadata-token", token)
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	_, token := ask("PUT", "/metadata/"+name(0)+"/latest/api/token", "")
	for path, want := range map[string]string{
		"instance-id": name(0), "iam/security-credentials/": "role", "placement/availability-zone": "a",
	} {
		code, said := ask("GET", "/metadata/"+name(0)+"/latest/meta-data/"+path, token)
		assert.Equal(t, 200, code)
		assert.Equal(t, want, said)
	}
	for _, path := range []string{"/metadata/" + name(0) + "/latest/meta-data/tags/instance/muster-boot", "/metadata/i-none/latest/meta-data/instance-id", "/nowhere"} {
		code, _ := ask("GET", path, token)
		assert.Equal(t, 404, code, path)
	}
	code, _ := ask("GET", "/metadata/"+name(0)+"/latest/meta-data/instance-id", "forged")
	assert.Equal(t, 401, code)
	_, token = ask("PUT", "/metadata/"+name(1)+"/latest/api/token", "")
	code, said := ask("GET", "/metadata/"+name(1)+"/latest/meta-data/tags/instance/muster-boot", token)
	assert.Equal(t, "200 candidate", fmt.Sprint(code, " ", said))

	form := url.Values{
		"Action": {"CompleteLifecycleAction"}, "AutoScalingGroupName": {"shop"}, "LifecycleHookName": {"up"},
		"LifecycleActionResult": {"CONTINUE"}, "InstanceId": {name(0)},
	}
	post := func(auth string) int {
		r := httptest.NewRequestWithContext(context.Background(), "POST", "/autoscaling/", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", auth)
		r.Header.Set("X-Amz-Security-Token", "t0ken/+==")
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		return w.Code
	}
	signature := "AWS4-HMAC-SHA256 Credential=AKIAI00000001/20260101/eu-central-1/autoscaling/aws4_request, Signature=x"
	assert.Equal(t, 403, post(""))
	assert.Equal(t, 403, post(strings.ReplaceAll(signature, "autoscaling", "s3")))
	assert.Equal(t, 403, post(strings.ReplaceAll(signature, "I00000001", "I0000000F")))
	assert.Equal(t, 200, post(signature))
	assert.Equal(t, 400, post(signature), "there is no action any more")
	assert.Equal(t, "InService", lives(t, c, "shop")[name(0)])
	form.Set("Action", "DeleteAutoScalingGroup")
	assert.Equal(t, 400, post(signature))
}
