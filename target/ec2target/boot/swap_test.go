package boot_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/target/ec2target/boot"
)

// A bucket that refuses each condition, as behind a proxy that changes ETags, is no
// bucket in which somebody else is faster: who asked is told, and does not wait for ever.
func TestAWriteThatIsAlwaysRefusedEndsWithWhatToDo(t *testing.T) {
	for _, code := range []string{"PreconditionFailed", "ConditionalRequestConflict"} {
		synctest.Test(t, func(t *testing.T) {
			b := &s3test.Bucket{Name: "deploys"}
			p, err := boot.New(boot.Config{Client: b, Bucket: "deploys", Prefix: "boot/shop/", Host: (&cloud{dir: "/srv"}).host()})
			require.NoError(t, err)
			require.NoError(t, p.Declare(t.Context(), order(1, 1)))
			for _, write := range []func(context.Context) error{
				func(ctx context.Context) error { return p.Declare(ctx, order(2, 2)) },
				func(ctx context.Context) error { return p.Propose(ctx, order(0, 2).Release) },
			} {
				// Who tries for ever is stopped here, and then complains of something else.
				ctx, cancel := context.WithCancel(t.Context())
				writes := 0
				b.Break(func(c s3test.Call) s3test.Fault {
					if c.Operation != "PutObject" {
						return s3test.Fault{}
					}
					if writes++; writes > 1000 {
						cancel()
					}
					return s3test.Fault{Refuse: s3test.Failure(412, code, "At least one of the pre-conditions you specified did not hold")}
				})
				start := time.Now()
				err := write(ctx)
				cancel()
				require.ErrorContains(t, err, "2-abc")
				require.ErrorContains(t, err, "write s3://deploys/boot/shop/")
				require.ErrorContains(t, err, "20 times")
				require.ErrorContains(t, err, "see who else writes there")
				assert.Equal(t, 20, writes)
				assert.Less(t, time.Since(start), 10*time.Second)
			}
			b.Break(nil)
			require.NoError(t, p.Declare(t.Context(), order(2, 2)), "nothing is spoiled")
		})
	}
}

func TestWhoIsNotWantedAnyMoreDoesNotTryAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &s3test.Bucket{Name: "deploys"}
		p, err := boot.New(boot.Config{Client: b, Bucket: "deploys", Prefix: "boot/shop/", Host: (&cloud{dir: "/srv"}).host()})
		require.NoError(t, err)
		ctx, cancel := context.WithCancelCause(t.Context())
		b.Break(func(c s3test.Call) s3test.Fault {
			if c.Operation == "PutObject" {
				time.AfterFunc(time.Millisecond, func() { cancel(context.DeadlineExceeded) })
				return s3test.Fault{Refuse: s3test.Failure(412, "PreconditionFailed", "no")}
			}
			return s3test.Fault{}
		})
		start := time.Now()
		require.ErrorIs(t, p.Declare(ctx, order(2, 2)), context.DeadlineExceeded)
		assert.Equal(t, time.Millisecond, time.Since(start))
	})
}
