package s3test

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// maxDelete is how many keys one DeleteObjects may name.
const maxDelete = 1000

// DeleteObject stands for that of *s3.Client, without a condition: servers ignore it.
func (b *Bucket) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput, _ ...func(*s3.Options)) (*s3.DeleteObjectOutput, error) {
	c := call("DeleteObject", in.Bucket, in.Key, "s3:DeleteObject")
	return do(ctx, b, c, in, func() (*s3.DeleteObjectOutput, error) {
		if in.IfMatch != nil {
			return nil, errors.New("s3test: DeleteObject with a condition is not simulated: servers ignore it")
		}
		delete(b.objects, c.Key)
		return &s3.DeleteObjectOutput{}, nil
	})
}

// DeleteObjects stands for that of *s3.Client. A key that the policy does not allow
// to delete is an error of its own in the answer, as in S3.
func (b *Bucket) DeleteObjects(ctx context.Context, in *s3.DeleteObjectsInput, _ ...func(*s3.Options)) (*s3.DeleteObjectsOutput, error) {
	c := call("DeleteObjects", in.Bucket, nil)
	return do(ctx, b, c, in, func() (*s3.DeleteObjectsOutput, error) {
		if in.Delete == nil || len(in.Delete.Objects) == 0 || len(in.Delete.Objects) > maxDelete {
			return nil, Failure(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
		}
		out := &s3.DeleteObjectsOutput{}
		noted := &b.calls[len(b.calls)-1]
		for _, id := range in.Delete.Objects {
			one := call("DeleteObjects", in.Bucket, id.Key, "s3:DeleteObject")
			noted.Permissions = append(noted.Permissions, one.Permissions...)
			if b.Policy.judge(one) != nil {
				out.Errors = append(out.Errors, types.Error{Key: id.Key, Code: new("AccessDenied"), Message: new("Access Denied")})
				continue
			}
			delete(b.objects, one.Key)
			if in.Delete.Quiet == nil || !*in.Delete.Quiet {
				out.Deleted = append(out.Deleted, types.DeletedObject{Key: id.Key})
			}
		}
		return out, nil
	})
}
