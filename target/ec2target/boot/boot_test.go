package boot_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/boot"
	"github.com/muster-deploy/muster/target/host"
)

var _ ec2target.Booter = (*boot.Pointer)(nil)

func TestAnInstanceBootsIntoWhatIsDeclared(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.declare(t, 41, 1)
	output, err := c.boot(t)
	require.NoError(t, err, output)
	assert.Equal(t, artifact(1).Digest, c.live(t))
	assert.Contains(t, output, "1-abc is live by order 41")
	restarts, err := os.ReadFile(filepath.Join(c.dir, "restarts"))
	require.NoError(t, err)
	assert.Equal(t, "number=7 it's; $(false) "+artifact(1).Digest+"\n", string(restarts))
	assert.Equal(t, []string{"Action=CompleteLifecycleAction&AutoScalingGroupName=shop+%26+co&InstanceId=i-00000001&" +
		"LifecycleActionResult=CONTINUE&LifecycleHookName=it%27s%3B+up&Version=2011-01-01"}, c.told)

	h := c.host()
	h.Name, h.Transport = "web", host.Exec{}
	web, err := host.New(h)
	require.NoError(t, err)
	state, err := web.Observe(t.Context(), target.Order{})
	require.NoError(t, err)
	assert.Equal(t, target.Unit{Name: "web", Condition: target.Serving, Digest: artifact(1).Digest, Number: 41}, state.Units[0],
		"the fleet finds it as if it had done it")
	assert.Empty(t, c.Policy.Unused(c.Calls()), "what the policy allows and nobody needs")
	assert.Empty(t, c.role.Unused(c.used), "what the instance's role allows and it does not need")
	for _, call := range c.used {
		assert.True(t, c.role.Allows(call.Permissions[0]), "%v", call.Permissions)
	}
	left, err := filepath.Glob(filepath.Join(c.scratch, "*"))
	require.NoError(t, err)
	assert.Empty(t, left, "what was fetched is removed")
}

func TestAnInstanceReadsThePointerAgain(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.declare(t, 41, 1)
	require.NoError(t, c.pointer.Publish(t.Context(), artifact(2)))
	var once atomic.Bool
	c.before = func(path string) bool { // a rollback is declared while the instance boots
		if strings.Contains(path, "/pack-") && once.CompareAndSwap(false, true) {
			assert.NoError(t, c.pointer.Declare(t.Context(), order(50, 2)))
		}
		return false
	}
	output, err := c.boot(t)
	require.NoError(t, err, output)
	assert.Equal(t, artifact(2).Digest, c.live(t))
	assert.Len(t, c.told, 1, "it serves only then")
}

func TestACanaryFollowsWhatIsProposed(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.declare(t, 41, 1)
	require.NoError(t, c.pointer.Publish(t.Context(), artifact(2)))
	require.ErrorContains(t, c.pointer.Propose(t.Context(), target.Release{ID: "x", Digest: "sha256:x"}), "propose x")
	for _, n := range []int{1, 2, 2} { // twice is once
		require.NoError(t, c.pointer.Propose(t.Context(), order(0, n).Release))
	}
	now, err := c.pointer.Proposed(t.Context())
	require.NoError(t, err)
	assert.Equal(t, boot.Declared{Number: 1, Digest: artifact(2).Digest, ID: "2-abc"}, now)
	c.tag = "candidate"
	output, err := c.boot(t)
	require.NoError(t, err, output)
	assert.Equal(t, artifact(2).Digest, c.live(t))
	assert.Empty(t, c.told, "it goes into service nowhere")
	now, err = c.pointer.Read(t.Context())
	require.NoError(t, err)
	assert.Equal(t, artifact(1).Digest, now.Digest, "all others follow what is declared")
}

// TestATagThatCannotBeReadKeepsAnInstanceFromBooting has the canary come up on nothing
// rather than on another release.
func TestATagThatCannotBeReadKeepsAnInstanceFromBooting(t *testing.T) {
	t.Parallel()
	for tag, said := range map[string]string{"broken": "the metadata answer 503", "x; y": "the tag muster-boot is x; y, not"} {
		c := newCloud(t)
		c.declare(t, 41, 1)
		c.tag = tag
		go func() {
			assert.Eventually(t, func() bool { return c.tokens.Load() > 1 }, time.Minute, time.Millisecond)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.tag = "declared" // mended
		}()
		output, err := c.boot(t)
		require.NoError(t, err, output)
		assert.Contains(t, output, said)
		assert.Equal(t, artifact(1).Digest, c.live(t))
	}
}

func TestBytesThatAreNotTheReleasesAreNeverRun(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.declare(t, 41, 1)
	var once sync.Once
	c.before = func(path string) (broken bool) { // the first try gets something else
		if strings.Contains(path, "/pack-") {
			once.Do(func() { broken = true })
		}
		return broken
	}
	output, err := c.boot(t)
	require.NoError(t, err, output)
	assert.Contains(t, output, "another sha256")
	assert.Contains(t, output, "cannot be prepared")
	assert.Equal(t, artifact(1).Digest, c.live(t), "the second try gets it right")
}

func TestThePointerNeverGoesBack(t *testing.T) {
	c := newCloud(t)
	ctx := t.Context()
	d, err := c.pointer.Read(ctx)
	require.NoError(t, err)
	assert.Equal(t, boot.Declared{}, d)
	require.EqualError(t, c.pointer.Declare(ctx, order(0, 1)), "declare 1-abc: order 0 names no release: it has no number")
	require.NoError(t, c.pointer.Declare(ctx, order(5, 1)))
	require.NoError(t, c.pointer.Declare(ctx, order(5, 1)), "twice is once")
	require.ErrorIs(t, c.pointer.Declare(ctx, order(5, 2)), target.ErrStale)
	require.ErrorIs(t, c.pointer.Declare(ctx, order(4, 2)), target.ErrStale)
	require.NoError(t, c.pointer.Declare(ctx, order(6, 2)))
	d, err = c.pointer.Read(ctx)
	require.NoError(t, err)
	assert.Equal(t, boot.Declared{Number: 6, Digest: artifact(2).Digest, ID: "2-abc"}, d)
}

func TestManyDeclareAtOnceAndTheHighestStays(t *testing.T) {
	c := newCloud(t)
	var all sync.WaitGroup
	for n := range uint64(20) {
		all.Go(func() {
			if err := c.pointer.Declare(t.Context(), order(n+1, int(n%3))); err != nil {
				assert.ErrorIs(t, err, target.ErrStale)
			}
		})
	}
	all.Wait()
	d, err := c.pointer.Read(t.Context())
	require.NoError(t, err)
	assert.EqualValues(t, 20, d.Number)
}

// What a host of the fleet fetches when it is prepared, one that boots fetches, too.
func TestAnInstanceThatBootsIsToldOfItsParameters(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	h := c.host()
	h.Parameters = host.Parameters{Path: "/shop/production", File: "env", Required: []string{"SECRET"}}
	p, err := boot.New(boot.Config{Client: c.Bucket, Bucket: "deploys", Prefix: "boot/shop/", Host: h})
	require.NoError(t, err)
	require.NoError(t, p.Publish(t.Context(), artifact(1)))
	script := "boot/shop/releases/" + strings.TrimPrefix(artifact(1).Digest, "sha256:") + "/script"
	out, err := c.Bucket.GetObject(t.Context(), &s3.GetObjectInput{Bucket: new("deploys"), Key: &script})
	require.NoError(t, err)
	text, err := io.ReadAll(out.Body)
	require.NoError(t, err)
	for _, word := range []string{"parameters=/shop/production", "parameters_file=env", "required=SECRET"} {
		assert.Contains(t, string(text), " "+host.Quote(word))
	}
}

func TestAPointerThatIsNoneIsLeftAlone(t *testing.T) {
	b := &s3test.Bucket{Name: "deploys"}
	c := newCloud(t)
	c.Bucket = b
	p, err := boot.New(boot.Config{Client: b, Bucket: "deploys", Prefix: "boot/shop/", Host: c.host()})
	require.NoError(t, err)
	for _, text := range []string{"", "hello", "muster-boot 2 1 sha256:x y", "muster-boot 1 1 sha256:x y"} {
		put(t, b, "boot/shop/declared", text)
		require.ErrorContains(t, p.Declare(t.Context(), order(1, 1)), "it is no pointer", text)
	}
}

func TestUserDataIsSmallAndQuoted(t *testing.T) {
	c := newCloud(t)
	text, err := c.pointer.UserData(boot.Instance{Region: "eu-central-1"})
	require.NoError(t, err)
	assert.Less(t, len(text), 8<<10)
	assert.Contains(t, text, "objects='https://deploys.s3.eu-central-1.amazonaws.com'")
	_, err = c.pointer.UserData(boot.Instance{Region: "eu; rm -rf /"})
	require.Error(t, err)
	_, err = c.pointer.UserData(boot.Instance{Region: "eu-central-1", Hook: "up"})
	require.Error(t, err)
}

func TestNewComplainsAboutEverythingAtOnce(t *testing.T) {
	_, err := boot.New(boot.Config{Bucket: "a b", Prefix: "/x"})
	for _, field := range []string{"Client", "Bucket", "Prefix"} {
		assert.ErrorContains(t, err, field)
	}
	_, err = boot.New(boot.Config{Client: &s3test.Bucket{}, Bucket: "a", Prefix: "b/"})
	assert.ErrorContains(t, err, "Root")
}
