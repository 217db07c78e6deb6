package ec2test_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/ec2target/ec2test"
)

// managed lists the ids that SSM tells of, all pages.
func managed(t *testing.T, c *ec2test.Cloud, filters ...types.InstanceInformationStringFilter) map[string]types.PingStatus {
	t.Helper()
	all := map[string]types.PingStatus{}
	in := &ssm.DescribeInstanceInformationInput{Filters: filters}
	for {
		out, err := c.DescribeInstanceInformation(t.Context(), in)
		require.NoError(t, err)
		require.LessOrEqual(t, len(out.InstanceInformationList), 10, "who asks for no more gets ten")
		for _, i := range out.InstanceInformationList {
			all[*i.InstanceId] = i.PingStatus
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return all
		}
	}
}

func filter(key string, values ...string) types.InstanceInformationStringFilter {
	return types.InstanceInformationStringFilter{Key: &key, Values: values}
}

func TestInstancesAreFoundByTagAndID(t *testing.T) {
	c := ec2test.New(ec2test.Config{})
	tags := map[string]string{"app": "shop"}
	for i := range 25 {
		c.Launch(ec2test.Instance{ID: name(i), Tags: tags})
	}
	tags["app"] = "changed by its owner"
	other := c.Launch(ec2test.Instance{Tags: map[string]string{"app": "other"}})
	assert.Len(t, managed(t, c), 26)
	assert.Len(t, managed(t, c, filter("tag:app", "shop")), 25)
	assert.Len(t, managed(t, c, filter("tag:app", "shop", "other")), 26)
	assert.Empty(t, managed(t, c, filter("tag:stage", "")), "no tag is no empty tag")
	assert.Equal(t, map[string]types.PingStatus{name(3): types.PingStatusOnline},
		managed(t, c, filter("tag:app", "shop"), filter("InstanceIds", name(3), other)), "filters are all to match")
	_, err := c.DescribeInstanceInformation(t.Context(), &ssm.DescribeInstanceInformationInput{Filters: []types.InstanceInformationStringFilter{filter("Name", "x")}})
	require.Error(t, err)
	_, err = c.DescribeInstanceInformation(t.Context(), &ssm.DescribeInstanceInformationInput{NextToken: new("nonsense")})
	require.ErrorContains(t, err, "InvalidNextToken")
	assert.Len(t, c.Instances(), 26)
}

func TestAnInstanceThatStartsHasNoAgentYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ec2test.New(ec2test.Config{})
		booted := make(chan string, 1)
		id := c.Launch(ec2test.Instance{Starts: time.Minute, Boot: func(_ context.Context, id string) { booted <- id }})
		time.Sleep(time.Minute - time.Second)
		assert.Empty(t, managed(t, c))
		_, err := c.SendCommand(t.Context(), command(id))
		var invalid *types.InvalidInstanceId
		require.ErrorAs(t, err, &invalid)
		time.Sleep(2 * time.Second)
		assert.Len(t, managed(t, c), 1)
		assert.Equal(t, id, <-booted)
		send(t, c, command(id))
		c.Wait()
	})
}

func TestAnInstanceThatDiesTakesWhatRunsOnItAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ec2test.New(ec2test.Config{})
		m := &counter{takes: time.Hour}
		ended := make(chan error, 1)
		id := c.Launch(ec2test.Instance{Machine: m, Boot: func(ctx context.Context, _ string) { <-ctx.Done(); ended <- ctx.Err() }})
		run := send(t, c, command(id))
		time.Sleep(time.Minute)
		c.Terminate(id)
		c.Terminate(id) // twice is once
		c.Wait()
		require.Error(t, <-ended)
		assert.True(t, m.interrupted)
		assert.Equal(t, map[string]int{"Undeliverable": 1}, statuses(list(t, c, run)))
		assert.Empty(t, managed(t, c))
	})
}

func TestAnInstanceThatIsCutOffIsThereAndOutOfReach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ec2test.New(ec2test.Config{})
		m := &counter{takes: 10 * time.Second}
		id := c.Launch(ec2test.Instance{Machine: m})
		first := send(t, c, command(id))
		time.Sleep(time.Second)
		c.Cut(id, true)
		assert.Equal(t, map[string]types.PingStatus{id: types.PingStatusConnectionLost}, managed(t, c))
		in := command(id)
		in.TimeoutSeconds = new(int32(60))
		second := send(t, c, in)
		c.Wait()
		assert.Equal(t, 1, m.runs, "what ran goes on")
		assert.Equal(t, map[string]int{"Success": 1}, statuses(list(t, c, first)))
		assert.Equal(t, map[string]int{"DeliveryTimedOut": 1}, statuses(list(t, c, second)))
		c.Cut(id, false)
		send(t, c, command(id))
		c.Wait()
		assert.Equal(t, 2, m.runs)
	})
}

func TestAShellIsARealOneInItsDirectory(t *testing.T) {
	dir := t.TempDir()
	m := &ec2test.Shell{Dir: dir, Env: []string{"WHO=me"}}
	out, errs, status := m.Run(t.Context(), &ec2test.Script{Text: `cd ` + ec2test.Root + ` && pwd -P; echo "$WHO $HOME"; echo bad >&2; exit 7`})
	assert.Equal(t, filepath.Join(dir, "app")+"\nme "+dir+"\n", out)
	assert.Equal(t, "bad\n", errs)
	assert.Equal(t, 7, status)
	_, errs, status = (&ec2test.Shell{Dir: filepath.Join(dir, "x"), Path: "no such shell"}).Run(t.Context(), &ec2test.Script{Text: "true"})
	assert.Equal(t, 127, status)
	assert.Contains(t, errs, "no such shell")
}

func TestAShellDiesWithItsInstanceAndAllThatItStarted(t *testing.T) {
	dir := t.TempDir()
	c := ec2test.New(ec2test.Config{})
	fifo := filepath.Join(dir, "ready")
	id := c.Launch(ec2test.Instance{Machine: &ec2test.Shell{Dir: dir}})
	in := command(id)
	in.Parameters["commands"] = []string{`(trap '' TERM; echo up >ready.tmp; mv ready.tmp ready; exec sleep 1000) & wait`}
	run := send(t, c, in)
	require.Eventually(t, func() bool { _, err := os.Stat(fifo); return err == nil }, time.Minute, time.Millisecond)
	c.Terminate(id)
	c.Wait()
	assert.Equal(t, map[string]int{"Undeliverable": 1}, statuses(list(t, c, run)))
}

func TestAModelBootsAndIsHealthyWhenItServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		digest := func(s string) string { return "sha256:" + s }
		m := &ec2test.Model{Fetch: 10 * time.Second, Restart: 3 * time.Second, Sick: func(d string) bool { return d == digest("bad") }}
		assert.False(t, m.Healthy())
		start := time.Now()
		go func() { time.Sleep(11 * time.Second); assert.False(t, m.Healthy(), "it restarts") }()
		require.NoError(t, m.Boot(t.Context(), 5, digest("a")))
		assert.Equal(t, 13*time.Second, time.Since(start))
		assert.Equal(t, digest("a"), m.Live())
		assert.True(t, m.Healthy())
		require.ErrorContains(t, m.Boot(t.Context(), 4, digest("b")), "stale number=5")
		require.ErrorContains(t, m.Boot(t.Context(), 6, digest("bad")), "back=done")
		assert.Equal(t, digest("a"), m.Live(), "it has put itself back")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.True(t, errors.Is(m.Boot(ctx, 7, digest("c")), context.DeadlineExceeded))
		m.Drift()
		assert.False(t, m.Healthy())

		m = &ec2test.Model{Restart: time.Minute}
		overtaken := make(chan error, 1)
		go func() { overtaken <- m.Boot(t.Context(), 1, digest("a")) }()
		time.Sleep(time.Second)
		require.NoError(t, m.Boot(t.Context(), 2, digest("b")), "it waits for its turn")
		require.ErrorContains(t, <-overtaken, "stale number=2")
		assert.Equal(t, digest("b"), m.Live())
	})
}
