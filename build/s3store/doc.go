// Package s3store keeps the immutable bytes of a build.Store in an S3 bucket:
// artifacts above all, of which one is mostly what the one before it was.
//
//	store, err := s3store.New(s3store.Config{
//		Client: s3.NewFromConfig(cfg), Bucket: "acme-deploys", Prefix: "artifacts/",
//	})
//	if err != nil {
//		return err
//	}
//	archive := build.NewArchive(store, "")
//
// # What is uploaded
//
// Content is cut into chunks of about a megabyte where its bytes say so, not where a
// counter does: after a change in the midst of it, all other cuts are where they
// were. A chunk is an object named by its digest, and is uploaded only if the bucket
// does not hold it yet. What is under a key is the list of its chunks, written last:
// content is there whole or not at all, and an upload that was interrupted goes on
// where it was. Content of up to 256 KiB is one object, without chunks.
//
// An object for each file would be one request for each of an application's twenty
// thousand files; one for each artifact would be all of its bytes each time.
//
// A Put costs one request to ask for each chunk that this Store has not seen yet, one
// to upload each that is missing, and one more. It holds at most some forty megabytes
// in memory, whatever the size.
//
// # What is read
//
// A Get reads the list, and then chunk by chunk, a few ahead. Every chunk is verified
// by its digest before anybody sees a byte of it. The reader has ReadAt too, so that
// an archive reads single files without a copy on disk. It goes on reading what was
// there when it was opened, also after another Put or a Delete.
//
// # What is deleted
//
// Delete removes the list. Chunks may be shared, so they stay until Prune finds that
// no list names them; call it now and then, such as once a week. A chunk is pruned
// thirty days after its last upload at the earliest, and Put uploads one again that
// it finds to be older than twenty, so that no Put can rely on what a Prune beside it
// deletes.
//
// # Permissions
//
// The file policy.json beside this one, with names in the place of BUCKET and PREFIX,
// is all that it needs; a test holds it to that. Without s3:ListBucket, S3 says of an
// object that is not there that it is forbidden. A deployer that never deletes can do
// without s3:DeleteObject.
//
// A bucket that is encrypted with a key of your own asks for kms:GenerateDataKey and
// kms:Decrypt on that key as well.
package s3store
