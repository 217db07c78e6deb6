package dynamolock_test

import (
	"context"
	"fmt"
	"log"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/lock/dynamolock"
	"github.com/muster-deploy/muster/lock/dynamolock/dynamotest"
)

// A deployer passes dynamodb.NewFromConfig(cfg); a test passes a table in memory.
func ExampleNew() {
	ctx := context.Background()
	store, err := dynamolock.New(dynamolock.Config{Client: &dynamotest.Table{}, Table: "muster"})
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
