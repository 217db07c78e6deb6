// Package s3test is a bucket in memory, for tests of what uses one, and the suite
// which says in what it and the real servers are alike.
//
//	bucket := &s3test.Bucket{Name: "site"}
//	target, err := s3target.New(s3target.Config{Client: bucket, Bucket: "site"})
//
// A Bucket has the methods of *s3.Client with their names and types, so that it fits
// every narrow interface that is cut out of them. It is linearizable, checks bodies
// against their lengths and checksums, and answers with the errors that the client
// would return. What it does not simulate it refuses: a request with a field that it
// does not know fails, where a lenient fake would pretend.
//
// Its requests can be made to fail (Break), counted (Calls) and judged by an IAM
// policy (Policy), so that a package can prove the policy in its documentation.
package s3test
