package ec2test_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/ec2target/ec2test"
)

func TestACommandIsUnknownForASecondAndThenPaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ec2test.New(ec2test.Config{Visible: time.Second})
		ids := launch(c, 50, func(int) ec2test.Machine { return &counter{takes: 5 * time.Second} })
		id := send(t, c, command(ids...))
		_, err := c.ListCommandInvocations(t.Context(), &ssm.ListCommandInvocationsInput{CommandId: &id})
		var early *types.InvocationDoesNotExist
		require.ErrorAs(t, err, &early)
		time.Sleep(time.Second)
		assert.Equal(t, map[string]int{"InProgress": 50}, statuses(list(t, c, id)))
		out, err := c.ListCommandInvocations(t.Context(), &ssm.ListCommandInvocationsInput{CommandId: &id, MaxResults: new(int32(20))})
		require.NoError(t, err)
		assert.Len(t, out.CommandInvocations, 20)
		assert.NotNil(t, out.NextToken)
		assert.Empty(t, out.CommandInvocations[0].CommandPlugins, "details were not asked for")
		c.Wait()
		assert.Equal(t, map[string]int{"Success": 50}, statuses(list(t, c, id)))
		_, err = c.ListCommandInvocations(t.Context(), &ssm.ListCommandInvocationsInput{CommandId: new("00000000-0000-4000-8000-00000000ffff")})
		var unknown *types.InvalidCommandId
		require.ErrorAs(t, err, &unknown)
	})
}

func TestWhatSSMRefuses(t *testing.T) {
	c := ec2test.New(ec2test.Config{})
	ids := launch(c, 51, func(int) ec2test.Machine { return nil })
	for why, change := range map[string]func(*ssm.SendCommandInput){
		"51 members":               func(in *ssm.SendCommandInput) { in.InstanceIds = ids },
		"0 members":                func(in *ssm.SendCommandInput) { in.InstanceIds = nil },
		"named twice":              func(in *ssm.SendCommandInput) { in.InstanceIds = append(in.InstanceIds, ids[0]) },
		"no such document":         func(in *ssm.SendCommandInput) { in.DocumentName = new("AWS-RunPowerShellScript") },
		"commands is required":     func(in *ssm.SendCommandInput) { in.Parameters = nil },
		"at least 30":              func(in *ssm.SendCommandInput) { in.TimeoutSeconds = new(int32(29)) },
		"longer than 100":          func(in *ssm.SendCommandInput) { in.Comment = new(strings.Repeat("x", 101)) },
		"i-0000beef not in a vali": func(in *ssm.SendCommandInput) { in.InstanceIds = []string{ids[1], "i-0000beef"} },
	} {
		in := command(ids[0])
		change(in)
		_, err := c.SendCommand(t.Context(), in)
		if assert.Error(t, err, why) {
			assert.Contains(t, strings.NewReplacer("[", "", "]", "").Replace(err.Error()), why)
		}
	}
	c.Wait()
}

func TestACommandGoesToSoManyAtOnceAndStopsAtItsErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ec2test.New(ec2test.Config{})
		var now, most int
		machines := map[string]*counter{}
		ids := launch(c, 50, func(i int) ec2test.Machine {
			machines[name(i)] = &counter{takes: time.Second, now: &now, most: &most}
			return machines[name(i)]
		})
		in := command(ids...)
		in.MaxConcurrency = new("10%")
		start := time.Now()
		send(t, c, in)
		c.Wait()
		assert.Equal(t, 5, most)
		assert.Equal(t, 10*time.Second, time.Since(start))
		in.MaxConcurrency, most = new("1%"), 0
		send(t, c, in)
		c.Wait()
		assert.Equal(t, 1, most, "one at least")

		machines[ids[3]].status, machines[ids[4]].status = 1, 1
		in.MaxConcurrency, in.MaxErrors = new("1"), new("1")
		id := send(t, c, in)
		c.Wait()
		assert.Equal(t, map[string]int{"Success": 3, "Failed": 2, "Terminated": 45}, statuses(list(t, c, id)))
	})
}

func TestACancelledCommandEndsAndStartsNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ec2test.New(ec2test.Config{})
		first := &counter{takes: time.Hour}
		ids := launch(c, 3, func(i int) ec2test.Machine {
			if i == 0 {
				return first
			}
			return &counter{}
		})
		in := command(ids...)
		in.MaxConcurrency = new("1")
		id := send(t, c, in)
		time.Sleep(time.Second)
		_, err := c.CancelCommand(t.Context(), &ssm.CancelCommandInput{CommandId: &id})
		require.NoError(t, err)
		c.Wait()
		assert.Equal(t, map[string]int{"Cancelled": 1, "Terminated": 2}, statuses(list(t, c, id)))
		assert.True(t, first.interrupted)
	})
}

func TestAScriptThatTakesTooLongIsKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ec2test.New(ec2test.Config{})
		ids := launch(c, 1, func(int) ec2test.Machine { return &counter{takes: time.Hour} })
		in := command(ids...)
		in.Parameters["executionTimeout"] = []string{"60"}
		start := time.Now()
		id := send(t, c, in)
		c.Wait()
		assert.Equal(t, time.Minute, time.Since(start))
		assert.Equal(t, map[string]int{"ExecutionTimedOut": 1}, statuses(list(t, c, id)))
	})
}

func TestOnlyTheStartOfAnOutputIsShown(t *testing.T) {
	long := strings.Repeat("0123456789", 1000)
	for _, m := range []*counter{{stdout: long}, {stdout: "said\n", errs: long}, {stdout: long, errs: long}, {stdout: long, errs: "why\n"}} {
		c := ec2test.New(ec2test.Config{})
		ids := launch(c, 1, func(int) ec2test.Machine { return m })
		in := command(ids...)
		in.OutputS3BucketName = new("logs")
		id := send(t, c, in)
		c.Wait()
		i := list(t, c, id)[ids[0]]
		assert.Equal(t, "https://s3.amazonaws.com/logs/"+id+"/"+ids[0]+"/stderr", *i.StandardErrorUrl)
		shown := *i.CommandPlugins[0].Output
		assert.LessOrEqual(t, len(shown), 2500)
		assert.Greater(t, len(shown), 2300)
		assert.Contains(t, shown, "---Output truncated---")
		assert.Equal(t, m.errs != "", strings.Contains(shown, "----------ERROR-------"))
		assert.True(t, strings.HasPrefix(shown, m.stdout[:5]))
		if m.errs == "why\n" {
			assert.True(t, strings.HasSuffix(shown, "why\n"), "what is short is not cut")
		}
	}
}

func TestLostRunsNeverHappenAndTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ec2test.New(ec2test.Config{Faults: ec2test.Faults{Seed: 1, Lost: 0.5}})
		machines := map[string]*counter{}
		ids := launch(c, 50, func(i int) ec2test.Machine { machines[name(i)] = &counter{}; return machines[name(i)] })
		in := command(ids...)
		in.TimeoutSeconds, in.MaxErrors = new(int32(30)), new("100%")
		start := time.Now()
		id := send(t, c, in)
		time.Sleep(29 * time.Second)
		pending := statuses(list(t, c, id))["Pending"]
		assert.InDelta(t, 25, pending, 15)
		c.Wait()
		assert.Equal(t, 30*time.Second, time.Since(start))
		lost := 0
		for host, i := range list(t, c, id) {
			if *i.StatusDetails == "DeliveryTimedOut" {
				lost++
			}
			assert.Equal(t, *i.StatusDetails == "DeliveryTimedOut", machines[host].runs == 0)
		}
		assert.Equal(t, pending, lost)
	})
}

func TestDoubledAndLateRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ec2test.New(ec2test.Config{Faults: ec2test.Faults{Seed: 1, Doubled: 0.5, Late: 0.5, Delay: 10 * time.Second}})
		machines := map[string]*counter{}
		ids := launch(c, 50, func(i int) ec2test.Machine {
			machines[name(i)] = &counter{takes: time.Second}
			return machines[name(i)]
		})
		id := send(t, c, command(ids...))
		c.Wait()
		runs, late := map[int]int{}, 0
		for host, i := range list(t, c, id) {
			runs[machines[host].runs]++
			if i.CommandPlugins[0].ResponseStartDateTime.After(*i.RequestedDateTime) {
				late++
			}
		}
		assert.InDelta(t, 25, runs[2], 15, "%v", runs)
		assert.Equal(t, 50, runs[1]+runs[2])
		assert.InDelta(t, 25, late, 15)
	})
}

func TestALostAnswerIsACommandThatRuns(t *testing.T) {
	c := ec2test.New(ec2test.Config{Faults: ec2test.Faults{Unanswered: 1}})
	m := &counter{}
	ids := launch(c, 1, func(int) ec2test.Machine { return m })
	_, err := c.SendCommand(t.Context(), command(ids...))
	require.ErrorIs(t, err, ec2test.ErrLost)
	c.Wait()
	assert.Equal(t, 1, m.runs)
}

func TestLimitsAndChanceThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ec2test.New(ec2test.Config{Limits: map[string]ec2test.Limit{"SendCommand": {PerSecond: 2, Burst: 4}, "": {PerSecond: 1, Burst: 1}}})
		ids := launch(c, 1, func(int) ec2test.Machine { return nil })
		granted := func(n int) (ok int) {
			for range n {
				_, err := c.SendCommand(t.Context(), command(ids...))
				if err == nil {
					ok++
				} else {
					assert.ErrorContains(t, err, "ThrottlingException")
				}
			}
			return ok
		}
		assert.Equal(t, 4, granted(10))
		time.Sleep(time.Second)
		assert.Equal(t, 2, granted(10))
		time.Sleep(time.Hour)
		assert.Equal(t, 4, granted(10), "a rest fills it, and no more")
		assert.Equal(t, 30, c.Calls()["SendCommand"], "refused ones are calls")
		_, err := c.DescribeInstanceInformation(t.Context(), &ssm.DescribeInstanceInformationInput{})
		require.NoError(t, err)
		_, err = c.GetParametersByPath(t.Context(), &ssm.GetParametersByPathInput{Path: new("/")})
		require.ErrorContains(t, err, "Rate exceeded", "those without a limit of their own share one")

		c = ec2test.New(ec2test.Config{Faults: ec2test.Faults{Seed: 3, Throttled: 0.2}})
		launch(c, 1, func(int) ec2test.Machine { return nil })
		assert.InDelta(t, 800, granted(1000), 60)
		c.Wait()
	})
}

func TestABrokenCallIsBrokenUntilItIsMended(t *testing.T) {
	c := ec2test.New(ec2test.Config{})
	down := errors.New("down")
	var asked []string
	c.Break(func(call string) error { asked = append(asked, call); return down })
	_, err := c.DescribeInstanceInformation(t.Context(), &ssm.DescribeInstanceInformationInput{})
	require.ErrorIs(t, err, down)
	c.Break(nil)
	_, err = c.DescribeInstanceInformation(t.Context(), &ssm.DescribeInstanceInformationInput{})
	require.NoError(t, err)
	assert.True(t, slices.Equal(asked, []string{"DescribeInstanceInformation"}))
}
