package s3lock_test

import (
	"context"
	"fmt"
	"log"

	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/lock/s3lock"
)

// A deployer passes s3lock.NewClient(cfg); a test passes a bucket in memory.
func ExampleOpen() {
	ctx := context.Background()
	store, err := s3lock.Open(ctx, s3lock.Config{Client: &s3test.Bucket{}, Bucket: "acme-deploys", Prefix: "muster/"})
	if err != nil {
		log.Fatal(err)
	}
	lease, err := lock.Acquire(ctx, store, "payments/lease", lock.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer lease.Close(ctx)
	fmt.Println("epoch", lease.Epoch())
	// Output: epoch 1
}
