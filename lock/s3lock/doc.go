// Package s3lock keeps the documents of a lock.Store in an S3 bucket, for deployers
// on several machines:
//
//	cfg, err := config.LoadDefaultConfig(ctx)
//	if err != nil {
//		return err
//	}
//	store, err := s3lock.Open(ctx, s3lock.Config{
//		Client: s3lock.NewClient(cfg), Bucket: "acme-deploys", Prefix: "muster/",
//	})
//
// NewClient makes a client with connections of its own, so that an upload of
// gigabytes, or a limit of connections that it exhausts, never delays the renewal of
// a lease. Do not pass the client that carries the artifacts.
//
// A document is one object, which people can read: a line that names it, its write,
// its length and its checksum, and then the document itself. It is created with
// If-None-Match and replaced with If-Match. A load is one request, a swap too; a
// swap that lost is two, because it looks who won: a request that was repeated on
// its way is refused although its first copy was written. For the same reason the
// client's own retries are switched off for these requests, and made here, where
// what an answer that was lost means is known. A lease costs two requests to
// acquire, one to renew and one to release. An ETag is held against what came with it:
// not every server reads the two at once.
//
// Open writes an object of its own with conditions that must not hold, and refuses
// a server that writes it all the same, with ErrConditions.
//
// Nothing is ever deleted, and nothing may be: an object that is deleted and created
// again is another document. Do not let a lifecycle rule expire the prefix.
//
// # Permissions
//
// The file policy.json beside this one, with names in the place of BUCKET and PREFIX,
// is all that it needs; a test holds it to that. Without s3:ListBucket, S3 says of an
// object that is not there that it is forbidden; the permission has no condition
// because S3 judges it there without a prefix.
//
// A bucket that is encrypted with a key of your own asks for kms:GenerateDataKey and
// kms:Decrypt on that key as well.
package s3lock
