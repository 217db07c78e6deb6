// Package s3packs keeps packs in an S3 bucket, from which hosts fetch them by
// presigned URLs. It is a host.Depot.
//
//	client := s3.NewFromConfig(cfg)
//	depot, err := s3packs.New(s3packs.Config{
//		Client: client, Presigner: s3.NewPresignClient(client),
//		Bucket: "acme-deploys", Prefix: "packs/",
//	})
//	packs := &host.Packs{Depot: depot}
//
// # Secrets
//
// A presigned URL is good for one object, for reading, and for minutes; whoever has it
// needs no credentials. It ends sooner if the credentials that signed it do. Hosts need
// no permissions of their own, no SDK and no role.
//
// # What is deleted
//
// Nothing, by this package. Give the prefix a lifecycle rule that expires objects
// after two days or more: Put uploads a pack again that is older than one day.
//
// # Permissions
//
// s3:GetObject and s3:PutObject on the objects under the prefix, and s3:ListBucket on
// the bucket: without it S3 says of an object that is not there that it is forbidden.
package s3packs
