package canary_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/canary"
	"github.com/muster-deploy/muster/target/ec2target/ec2test"
	"github.com/muster-deploy/muster/target/host"
)

//go:embed policy.json
var policy []byte

func TestAFreshInstanceComesUpAndIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, ec2test.Config{Latency: 50 * time.Millisecond, Visible: time.Second})
		c := r.open(t, r.Cloud)
		verdict, said := c.Look(t.Context(), release(1))
		assert.Equal(t, canary.Unsure, verdict)
		assert.Equal(t, "a fresh instance was asked for", said)
		start := time.Now()
		verdict, said = until(t.Context(), c, release(1), always)
		assert.Equal(t, canary.Good, verdict)
		assert.Contains(t, said, "came up on 1-abc")
		assert.InDelta(t, 60, time.Since(start).Seconds(), 15, "40 s to start, 15 s to boot")
		assert.Empty(t, r.Instances(), "it is ended")

		before := r.Calls()
		verdict, _ = c.Look(t.Context(), release(1))
		assert.Equal(t, canary.Good, verdict)
		assert.Equal(t, before, r.Calls(), "who is sure asks nobody")
		verdict, _ = until(t.Context(), c, release(2), always)
		assert.Equal(t, canary.Good, verdict)
		assert.Equal(t, 2, r.launched, "each release has a fresh one")
		var p struct{ Statement []struct{ Action []string } }
		require.NoError(t, json.Unmarshal(policy, &p))
		allowed := map[string]bool{}
		for _, s := range p.Statement {
			for _, a := range s.Action {
				allowed[strings.TrimPrefix(a, "autoscaling:")] = true
			}
		}
		called := maps.Clone(r.Calls())
		maps.DeleteFunc(called, func(call string, _ int) bool { return call == "SendCommand" || call == "ListCommandInvocations" })
		assert.Equal(t, slices.Sorted(maps.Keys(called)), slices.Sorted(maps.Keys(allowed)), "all that is called, and no more")
		time.Sleep(time.Hour)
	})
}

func TestADeployerMayDieAtEveryCall(t *testing.T) {
	for _, made := range []bool{false, true} {
		for left := 1; ; left++ {
			if !dies(t, left, made) {
				assert.Greater(t, left, 8, "it has died at every call")
				break
			}
		}
	}
}

// dies lets a deployer die at a call, and another one go on; and once more, nobody. It
// says whether it did die.
func dies(t *testing.T, left int, made bool) (died bool) {
	synctest.Test(t, func(t *testing.T) {
		for _, goesOn := range []bool{true, false} {
			r := newRig(t, ec2test.Config{Visible: time.Second})
			m := &mortal{Cloud: r.Cloud, left: left, made: made}
			until(t.Context(), r.open(t, m), release(1), func() bool { return !m.dead })
			died = m.dead
			if goesOn {
				next := r.open(t, r.Cloud)
				verdict, said := until(t.Context(), next, release(1), always)
				assert.Equal(t, canary.Good, verdict, "call %d, made %v: %s", left, made, said)
				assert.LessOrEqual(t, r.launched, 2)
				verdict, said = until(t.Context(), next, release(2), always)
				assert.Equal(t, canary.Good, verdict, "call %d, made %v: %s", left, made, said)
			} else {
				time.Sleep(30*time.Minute + time.Second)
			}
			assert.Empty(t, r.Instances(), "call %d, made %v, goes on %v", left, made, goesOn)
			assert.LessOrEqual(t, r.most, 1)
			time.Sleep(time.Hour)
		}
	})
	return died
}

func TestAnotherReleasesInstanceIsEndedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, ec2test.Config{})
		r.open(t, r.Cloud).Look(t.Context(), release(1)) // and dies
		time.Sleep(20 * time.Minute)
		c := r.open(t, r.Cloud)
		verdict, said := c.Look(t.Context(), release(2))
		assert.Equal(t, canary.Unsure, verdict)
		assert.Equal(t, "the instance that was started for 1-abc is ended first", said)
		assert.Empty(t, r.Instances())
		now, err := r.pointer.Proposed(t.Context())
		require.NoError(t, err)
		assert.Equal(t, release(1).Digest, now.Digest, "the pointer is moved while nobody boots")
		verdict, said = until(t.Context(), c, release(2), always)
		assert.Equal(t, canary.Good, verdict, said)
		assert.Equal(t, 2, r.launched)
		time.Sleep(time.Hour)
	})
}

func TestAnInstanceThatWasTakenOverIsNotEndedByItsFirstDeployersSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, ec2test.Config{})
		r.sick = true
		r.open(t, r.Cloud).Look(t.Context(), release(1)) // and dies
		time.Sleep(29 * time.Minute)
		c := r.open(t, r.Cloud)
		c.Look(t.Context(), release(1))
		time.Sleep(5 * time.Minute)
		assert.Len(t, r.Instances(), 1)
		time.Sleep(time.Hour)
		assert.Empty(t, r.Instances(), "but by that of the second one")
	})
}

// TestWhatIsBad has one way to be bad each: the instance dies, is sick, follows another
// pointer, or Auto Scaling starts none.
func TestWhatIsBad(t *testing.T) {
	for want, spoil := range map[string]func(*rig){
		"not valid":                  func(r *rig) { r.dead = true },
		"a switch is under way":      func(r *rig) { r.sick = true },
		"has it the tag muster-boot": func(r *rig) { r.deaf = true },
		"has started no instance":    func(r *rig) { r.AddScalingGroup(ec2test.ScalingGroup{Name: group, Max: 1}) },
		"from 0 to 2 instances":      func(r *rig) { r.AddScalingGroup(ec2test.ScalingGroup{Name: group, Max: 2}) },
		"it is behind a balancer": func(r *rig) {
			r.AddScalingGroup(ec2test.ScalingGroup{Name: group, Max: 1, TargetGroups: []string{r.AddTargetGroup("shop")}})
		},
		"DescribeAutoScalingGroups): no": func(r *rig) { r.Break(func(string) error { return errors.New("no, and no again") }) },
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, ec2test.Config{Visible: time.Second})
			require.NoError(t, r.pointer.Declare(t.Context(), target.Order{Number: 7, Release: release(9)}))
			spoil(r)
			start := time.Now()
			verdict, said := until(t.Context(), r.open(t, r.Cloud), release(1), always)
			assert.Equal(t, canary.Bad, verdict)
			if want != "not valid" { // what is said depends on when it died
				assert.Contains(t, said, want)
			}
			assert.Contains(t, said, "no fresh instance has come up on 1-abc within 15m0s")
			assert.InDelta(t, 15, time.Since(start).Minutes(), 1)
			assert.Empty(t, r.Instances())
			time.Sleep(time.Hour)
		})
	}
}

func TestThrottlingIsPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, ec2test.Config{Faults: ec2test.Faults{Seed: 2, Throttled: 0.2, Doubled: 0.2}})
		verdict, said := until(t.Context(), r.open(t, r.Cloud), release(1), always)
		assert.Equal(t, canary.Good, verdict, said)
		time.Sleep(time.Hour)
	})
}

func TestAVerdictIsAnOutcome(t *testing.T) {
	assert.Equal(t, []pipeline.Outcome{pipeline.CannotTell, pipeline.Good, pipeline.Bad},
		[]pipeline.Outcome{pipeline.Outcome(canary.Unsure), pipeline.Outcome(canary.Good), pipeline.Outcome(canary.Bad)})
}

func TestNewComplainsAboutEverythingAtOnce(t *testing.T) {
	_, err := canary.New(canary.Config{Patience: -1, ObserveLimit: -1, Host: host.Config{Name: "x"}})
	for _, field := range []string{"Client", "Group", "Pointer", "Reach", "Host", "Patience", "ObserveLimit"} {
		assert.ErrorContains(t, err, field)
	}
	r := newRig(t, ec2test.Config{})
	_, err = canary.New(canary.Config{Client: r.Cloud, Group: "x", Pointer: r.pointer, Reach: func(ec2target.Instance) host.Transport { return nil }})
	require.ErrorContains(t, err, "Root")
}

// An instance that ends may still be there when another one is asked for: by it nothing
// would be proven.
func TestNoInstanceIsAskedForWhileOneIsEnding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, ec2test.Config{Visible: time.Second})
		ending := &slowEnd{Cloud: r.Cloud}
		c := r.open(t, ending)
		verdict, _ := until(t.Context(), c, release(1), always)
		require.Equal(t, canary.Good, verdict)
		ending.left = 3
		for range 3 {
			_, said := c.Look(t.Context(), release(2))
			assert.Equal(t, "i-0 of another try is ending still", said)
		}
		verdict, _ = until(t.Context(), c, release(2), always)
		assert.Equal(t, canary.Good, verdict)
		assert.Equal(t, 2, r.launched)
		time.Sleep(time.Hour)
	})
}

// slowEnd still lists an instance that was ended, so many times.
type slowEnd struct {
	*ec2test.Cloud
	left int
}

func (s *slowEnd) DescribeAutoScalingGroups(ctx context.Context, in *autoscaling.DescribeAutoScalingGroupsInput, o ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
	out, err := s.Cloud.DescribeAutoScalingGroups(ctx, in, o...)
	if err == nil && s.left > 0 {
		s.left--
		out.AutoScalingGroups[0].Instances = []types.Instance{{InstanceId: new("i-0"), AvailabilityZone: new("a")}}
	}
	return out, err
}
