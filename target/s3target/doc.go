// Package s3target makes static sites live in an S3 bucket, alone or behind a CDN: a
// release at a time, so that nobody ever sees a page without the assets that it names.
//
//	site, err := s3target.Open(ctx, s3target.Config{
//		Client: s3target.NewClient(cfg), Bucket: "acme-sites", Prefix: "shop/",
//	})
//
// # What stands in the bucket
//
// Assets whose names hold a digest (build.Hashed) stand under their own names for good,
// and are served as immutable. Everything else of a release is kept under
// releases/files/, by digest, so that releases share what did not change; and
// releases/<digest>/manifest.json, which is written last, says what a release is made of.
//
// The one pointer is current.json: the live release, and the highest order that was
// seen. Activate moves it with a conditional write, and then copies, within the bucket,
// what changed onto the public names: first what pages refer to, then the service
// worker, then the pages. A rollback does the same and uploads nothing.
//
// Nothing is deleted by a deploy: tabs of old releases go on loading their chunks. See
// Prune.
//
// # What it costs
//
// What is there is known from the manifests of the live release and of the one before
// it: nothing is listed, and no file is asked for. A deploy costs one request for each
// changed hashed file, four for each other changed file, and eight more, ten where the
// process is a new one. Memory is bounded: content in it is 40 MB at most, a large file
// goes part by part.
//
// # What is fenced
//
// Orders that were overtaken never move the pointer. A public name has no such
// condition: the pointer is checked before each copy, by one request for those that begin
// at once, and each copy has Config.Margin to come to its end. A deployer that was paused
// right between the two can still write pages of an older release that were on their way;
// Observe reads the pages back, and activating the release again mends them. Other files are not read back. Hence Fencing is best effort.
//
// # Encodings
//
// A bucket serves what is under a name, whatever the browser accepts. Files that the
// builder has compressed (app.js.gz, app.js.br) are served as their inner type with
// their encoding, and Config.Variants has them made. Which of them a browser gets is
// decided by what stands before the bucket, which can rewrite the name; CloudFront
// compresses by itself, too.
//
// # Permissions
//
// The file policy.json beside this one, with names in the place of BUCKET and PREFIX,
// is all that a Target needs; a test holds it to that. Prune alone needs
// s3:DeleteObject. Without s3:ListBucket, S3 says of an object that is not there that it
// is forbidden. No ACL is ever sent. The package cdn has a policy.json of its own.
package s3target
