// Package lock holds what the deployers of one pipeline agree on: a Store of small
// documents changed by compare-and-swap, a Lease that lets one deployer act at a
// time, and the Hold with which a person stops a pipeline.
//
//	lease, err := lock.Acquire(ctx, store, "payments/lease", lock.Options{})
//	if err != nil {
//		return err
//	}
//	defer lease.Close(context.WithoutCancel(ctx))
//	return deploy(lease.Context(), lease.Epoch())
//
// What is done under a lease is done under the lease's context, and carries the
// lease's epoch: whoever receives it refuses a lower one than it has seen.
//
// Memory is a Store inside one process, filelock one for the processes of a host,
// s3lock and dynamolock are for any number of machines. Who brings another one lets it
// pass the suite in locktest.
package lock
