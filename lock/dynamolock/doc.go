// Package dynamolock keeps the documents of a lock.Store in a table of DynamoDB, for
// deployers on several machines:
//
//	cfg, err := config.LoadDefaultConfig(ctx)
//	if err != nil {
//		return err
//	}
//	store, err := dynamolock.New(dynamolock.Config{
//		Client: dynamodb.NewFromConfig(cfg), Table: "muster",
//	})
//
// A document is one item: its key, the name of its last write, those of a few writes
// before, and its bytes. It is put on condition that the last write is the one that
// the caller has seen, and read consistently. A load is one request, a swap too; a
// swap that lost is two, because it looks who won: a request that was repeated on
// its way is refused although its first copy was written. For the same reason the
// client's own retries are switched off for these requests, and made here. A lease
// costs two requests to acquire, one to renew and one to release.
//
// The table has a partition key, "document", a string, and no sort key. CreateTable
// makes one that is paid per request. It must have no time to live, and nothing in it
// may be deleted: an item that is deleted and put again is another document. A global
// table must be used in one region only, since conditions hold in one region.
//
// # Permissions
//
// The file policy.json beside this one, with names in the place of REGION, ACCOUNT
// and TABLE, is all that it needs; a test holds it to that. Who calls CreateTable needs
// dynamodb:CreateTable and dynamodb:DescribeTable as well, once.
package dynamolock
