package runcommand_test

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

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/ec2target/ec2test"
	"github.com/muster-deploy/muster/target/ec2target/runcommand"
)

// slow is a cloud as it is.
var slow = ec2test.Config{Latency: 50 * time.Millisecond, Visible: time.Second}

func none(t *testing.T, errs map[string]error) {
	t.Helper()
	for id, err := range errs {
		assert.NoError(t, err, id)
	}
}

func TestFiftyHostsAreOneCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, slow, 120, nil)
		none(t, r.all(t.Context(), "observe", 120))
		assert.Equal(t, 3, r.Calls()["SendCommand"])
		for _, m := range r.machines {
			assert.Equal(t, 1, m.runs)
		}
		before := r.Calls()["ListCommandInvocations"]
		none(t, r.all(t.Context(), "observe", 50))
		assert.LessOrEqual(t, r.Calls()["ListCommandInvocations"]-before, 2, "what is learned of a kind saves looks")
	})
}

func TestAnInstanceThatSSMDoesNotKnowFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, slow, 50, nil)
		r.Terminate(name(7))
		r.Terminate(name(30))
		errs := r.all(t.Context(), "observe", 50)
		for id, err := range errs {
			if id == name(7) || id == name(30) {
				require.ErrorIs(t, err, runcommand.ErrNotManaged)
				require.ErrorContains(t, err, id)
			} else {
				require.NoError(t, err)
			}
		}
		assert.Equal(t, 2, r.Calls()["SendCommand"], "the message names them")
	})
}

// mute does not name who is not valid.
type mute struct{ *ec2test.Cloud }

func (m mute) SendCommand(ctx context.Context, in *ssm.SendCommandInput, o ...func(*ssm.Options)) (*ssm.SendCommandOutput, error) {
	out, err := m.Cloud.SendCommand(ctx, in, o...)
	if err != nil && strings.Contains(err.Error(), "valid state") {
		return nil, invalid()
	}
	return out, err
}

func TestAnInstanceThatSSMDoesNotNameIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, slow, 50, nil)
		r.Terminate(name(7))
		var err error
		r.Sender, err = runcommand.New(runcommand.Config{Client: mute{r.Cloud}})
		require.NoError(t, err)
		for id, err := range r.all(t.Context(), "observe", 50) {
			assert.Equal(t, id == name(7), errors.Is(err, runcommand.ErrNotManaged), "%s: %v", id, err)
		}
		assert.LessOrEqual(t, r.Calls()["SendCommand"], 13)
	})
}

func TestAnInstanceThatIsCutOffHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, slow, 10, nil)
		r.Cut(name(3), true)
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		for id, err := range r.all(ctx, "observe", 10) {
			if id == name(3) {
				require.ErrorIs(t, err, context.DeadlineExceeded)
			} else {
				require.NoError(t, err)
			}
		}
		time.Sleep(time.Minute)
		assert.Equal(t, 1, r.Calls()["CancelCommand"], "when nobody waits any more")
		r.Cut(name(3), true)
		errs := r.all(t.Context(), "observe", 4)
		require.ErrorContains(t, errs[name(3)], "DeliveryTimedOut")
	})
}

func TestTheEndOfALongOutputComesThrough(t *testing.T) {
	// The real wrapper runs here: a model would not cut its own output.
	r := newRig(t, ec2test.Config{}, 0, func(c *runcommand.Config) {
		c.First, c.Poll, c.Gather = time.Millisecond, time.Millisecond, time.Millisecond
		c.Logs = runcommand.Logs{Bucket: "logs", Prefix: "shop"}
	})
	machine := &taped{Shell: ec2test.Shell{Dir: t.TempDir()}}
	r.Launch(ec2test.Instance{ID: name(0), Machine: machine})
	c, out, errs := call("activate", `it's; {{ssm:secret}} $(false)`)
	c.Script = `i=0; while [ $i -lt 2000 ]; do echo "line $i of much" >&2; echo "more"; i=$((i+1)); done
echo "told $2" >&2; read -r line && echo "input $line" >&2; printf 'muster %s ok end\n' "` + c.Nonce + `" | sed "s/` + c.Nonce + `/${1#nonce=}/"; exit 3`
	c.Stdin = strings.NewReader("a 'secret' $(false)\n")
	err := r.Instance(name(0)).Run(t.Context(), c)
	require.ErrorContains(t, err, "exit status 3")
	assert.Equal(t, "muster "+c.Nonce+" ok end\n", out.String())
	assert.Contains(t, errs.String(), "line 1999 of much\ntold it's; {{ssm:secret}} $(false)\ninput a 'secret' $(false)\n(all of it is in https://s3.amazonaws.com/logs/shop/")
	assert.Less(t, errs.Len(), 1100)
	assert.Contains(t, machine.stderr, "line 0 of much\nline 1 of much\n", "SSM's agent keeps all of it")
	assert.Contains(t, machine.stderr, "line 1999 of much\n")
}

// taped is a shell of which is known what SSM's agent keeps in the bucket.
type taped struct {
	ec2test.Shell
	stderr string
}

func (m *taped) Run(ctx context.Context, s *ec2test.Script) (stdout, stderr string, status int) {
	stdout, m.stderr, status = m.Shell.Run(ctx, s)
	return stdout, m.stderr, status
}

func TestWhereTheRestIsIsToldWhenThereIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, slow, 2, func(c *runcommand.Config) { c.Logs.Bucket = "logs" })
		r.machines[name(1)].said = strings.Repeat("x", 900) // what a wrapper lets through
		for i, want := range []string{"", "(all of it is in https://s3.amazonaws.com/logs/"} {
			c, _, errs := call("activate")
			require.NoError(t, r.Instance(name(i)).Run(t.Context(), c), "the answer says how it went, and that may be badly")
			assert.Equal(t, want != "", strings.Contains(errs.String(), "(all of it"))
			assert.Contains(t, errs.String(), want)
		}
	})
}

func TestNobodyElseOnTheHostCanReadWhatItIsToRun(t *testing.T) {
	r := newRig(t, ec2test.Config{}, 0, func(c *runcommand.Config) {
		c.First, c.Poll, c.Gather = time.Millisecond, time.Millisecond, time.Millisecond
	})
	dir := t.TempDir()
	r.Launch(ec2test.Instance{ID: name(0), Machine: &ec2test.Shell{Dir: dir}})
	c, _, errs := call("activate")
	c.Script = `for f in "$0" "${0%/*}" "${0%/*}"/*; do ls -ld "$f" | cut -c1-10 >&2; done; echo "$0" >&2
printf 'muster %s ok end\n' "${1#nonce=}"`
	require.NoError(t, r.Instance(name(0)).Run(t.Context(), c))
	lines := strings.Split(strings.TrimSpace(errs.String()), "\n")
	require.Len(t, lines, 6, "the script, its directory, all that is in it; and its name")
	for _, mode := range lines[:5] {
		assert.Equal(t, "------", mode[4:], "of %v", lines)
	}
	assert.NoFileExists(t, lines[5], "and it is gone")
}

func TestInputThatIsTooLargeIsRefused(t *testing.T) {
	r := newRig(t, ec2test.Config{}, 1, nil)
	c, _, _ := call("prepare")
	c.Stdin = strings.NewReader(strings.Repeat("x\n", 20_000))
	require.ErrorContains(t, r.Instance(name(0)).Run(t.Context(), c), "give Packs a Depot")
}

func TestSSMNeverRunsMoreFetchesThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, slow, 300, func(c *runcommand.Config) { c.Fetches = 10 })
		start := time.Now()
		none(t, r.all(t.Context(), "prepare", 300))
		assert.GreaterOrEqual(t, time.Since(start), 30*time.Second, "300 of a second each, ten at once")
		assert.Less(t, time.Since(start), 50*time.Second)
	})
}

func TestOfManyCommandsAtOnceOnlyTheFirstFewFindOutHowLongTheyTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, slow, 640, func(c *runcommand.Config) { c.Fetches = 40 })
		for _, m := range r.machines {
			m.for_ = time.Minute
		}
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		done := make(chan map[string]error)
		go func() { done <- r.all(ctx, "prepare", 640) }()
		time.Sleep(24 * time.Second)
		assert.Equal(t, 40, r.Calls()["SendCommand"])
		assert.Equal(t, 4*4, r.Calls()["ListCommandInvocations"], "four of them, after 2, 4, 8 and 16 s")
		<-done
		time.Sleep(time.Hour)
	})
}

// failing is a machine on which nothing can be run.
type failing struct{}

func (failing) Run(context.Context, *ec2test.Script) (stdout, stderr string, status int) {
	return "", "no space left on device", 70
}

func TestHostsThatFailKeepNoOtherFromBeingAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, slow, 100, func(c *runcommand.Config) { c.Fetches = 2 })
		for i := range 30 {
			r.Launch(ec2test.Instance{ID: name(3 * i), Machine: failing{}})
		}
		errs := r.all(t.Context(), "prepare", 100)
		for i := range 100 {
			if i%3 == 0 && i < 90 {
				require.ErrorContains(t, errs[name(i)], "exit status 70")
			} else {
				require.NoError(t, errs[name(i)], name(i))
			}
		}
	})
}

func TestWhoHasGivenUpBeforeItsCommandIsSentIsNotInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, slow, 2, func(c *runcommand.Config) { c.Fetches = 1 })
		ctx, cancel := context.WithCancel(t.Context())
		first, _, _ := call("prepare")
		second, _, _ := call("prepare")
		ended := make(chan error, 2)
		go func() { ended <- r.Instance(name(0)).Run(t.Context(), first) }()
		time.Sleep(100 * time.Millisecond)
		go func() { ended <- r.Instance(name(1)).Run(ctx, second) }()
		time.Sleep(100 * time.Millisecond)
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		require.NoError(t, <-ended)
		time.Sleep(time.Minute)
		assert.Zero(t, r.machines[name(1)].runs)
		assert.Equal(t, 1, r.Calls()["SendCommand"])
	})
}

func TestCallsWithOtherInputAreAnotherCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, slow, 2, nil)
		ended := make(chan error, 2)
		for i, secret := range []string{"a\n", "b\n"} {
			c, _, _ := call("observe")
			c.Stdin = strings.NewReader(secret)
			go func() { ended <- r.Instance(name(i)).Run(t.Context(), c) }()
		}
		require.NoError(t, <-ended)
		require.NoError(t, <-ended)
		assert.Equal(t, 2, r.Calls()["SendCommand"])
	})
}

func TestACommandThatIsNotKnownYetIsPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, slow, 2, func(c *runcommand.Config) { c.First, c.Poll = 100*time.Millisecond, 100*time.Millisecond })
		none(t, r.all(t.Context(), "observe", 2))
		assert.Greater(t, r.Calls()["ListCommandInvocations"], 2)
	})
}

// pages shows a few invocations at a time.
type pages struct{ *ec2test.Cloud }

func (p pages) ListCommandInvocations(ctx context.Context, in *ssm.ListCommandInvocationsInput, o ...func(*ssm.Options)) (*ssm.ListCommandInvocationsOutput, error) {
	few := *in
	few.MaxResults = new(int32(7))
	return p.Cloud.ListCommandInvocations(ctx, &few, o...)
}

func TestAListInPagesIsReadToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, slow, 50, nil)
		var err error
		r.Sender, err = runcommand.New(runcommand.Config{Client: pages{r.Cloud}})
		require.NoError(t, err)
		none(t, r.all(t.Context(), "observe", 50))
	})
}

func TestASlotIsFreeAsSoonAsNobodyOfItsCommandTakesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, slow, 3, func(c *runcommand.Config) { c.Fetches = 2 })
		r.machines[name(1)].for_ = 10 * time.Minute
		for i := range 2 {
			c, _, _ := call("prepare")
			go func() { _ = r.Instance(name(i)).Run(t.Context(), c) }()
		}
		time.Sleep(500 * time.Millisecond)
		c, _, _ := call("prepare")
		start := time.Now()
		require.NoError(t, r.Instance(name(2)).Run(t.Context(), c))
		assert.Less(t, time.Since(start), time.Minute)
		time.Sleep(time.Hour)
	})
}

func TestWhoIsAloneWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, slow, 1, func(c *runcommand.Config) { c.Gather = time.Minute })
		for range 3 {
			start := time.Now()
			none(t, r.all(t.Context(), "observe", 1))
			assert.Less(t, time.Since(start), 3*time.Second, "what was under way has ended")
		}
	})
}

func TestLostAnswersAndDoubledRunsAreOneAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := slow
		c.Faults = ec2test.Faults{Seed: 6, Throttled: 0.1, Unanswered: 0.3, Doubled: 0.3, Late: 0.5, Delay: 5 * time.Second}
		r := newRig(t, c, 200, nil)
		for range 3 {
			none(t, r.all(t.Context(), "activate", 200))
		}
	})
}

func TestTheSameInstanceTwiceIsTwoCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, slow, 1, nil)
		ended := make(chan error, 2)
		for range 2 {
			c, _, _ := call("observe")
			go func() { ended <- r.Instance(name(0)).Run(t.Context(), c) }()
		}
		require.NoError(t, <-ended)
		require.NoError(t, <-ended)
		assert.Equal(t, 2, r.machines[name(0)].runs)
	})
}

func TestWhatIsDeniedIsSaidAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, slow, 3, nil)
		denied := errors.New("AccessDeniedException: not authorized to perform ssm:SendCommand")
		r.Break(func(string) error { return denied })
		for _, err := range r.all(t.Context(), "observe", 3) {
			require.ErrorIs(t, err, denied)
		}
	})
}

//go:embed policy.json
var policy []byte

func TestThePolicyIsAllThatIsCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, slow, 2, nil)
		r.Cut(name(1), true)
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		r.all(ctx, "observe", 2)
		time.Sleep(time.Minute)
		var p struct{ Statement []struct{ Action []string } }
		require.NoError(t, json.Unmarshal(policy, &p))
		allowed := map[string]bool{}
		for _, s := range p.Statement {
			for _, a := range s.Action {
				allowed[strings.TrimPrefix(a, "ssm:")] = true
			}
		}
		assert.Equal(t, slices.Sorted(maps.Keys(r.Calls())), slices.Sorted(maps.Keys(allowed)))
	})
}

func TestNewComplainsAboutEverythingAtOnce(t *testing.T) {
	_, err := runcommand.New(runcommand.Config{Fetches: -1, Gather: -1, Poll: -1, First: -1, Deliver: time.Second, Limit: -1, Logs: runcommand.Logs{Prefix: "x"}})
	for _, field := range []string{"Client", "Fetches", "Gather", "Poll", "First", "Deliver", "Limit", "Prefix"} {
		assert.ErrorContains(t, err, field)
	}
}
