package s3test

// Call is one request to a Bucket, as it was asked for.
type Call struct {
	// Operation is its name, such as PutObject.
	Operation string

	// Bucket and Key say of what. Of a listing the Key is the prefix; of a deletion
	// of many keys it is empty.
	Bucket, Key string

	// Condition is what a write requires of what was there before: an ETag, "*" for
	// nothing, or empty.
	Condition string

	// Bytes is how many bytes were sent as the body.
	Bytes int64

	// Reads says whether the request asks for an object.
	Reads bool

	// Permissions are what the caller needs.
	Permissions []Permission
}

// Permission is the right to do one thing with a bucket or an object.
type Permission struct {
	// Action is its name, such as s3:GetObject.
	Action string
	// Resource is the ARN of the bucket or the object.
	Resource string
}

// arn names an object, or the bucket where key is empty.
func arn(bucket, key string) string {
	if key == "" {
		return "arn:aws:s3:::" + bucket
	}
	return "arn:aws:s3:::" + bucket + "/" + key
}

// call describes a request about one object that needs the actions.
func call(operation string, bucket, key *string, actions ...string) Call {
	c := Call{Operation: operation, Bucket: str(bucket), Key: str(key)}
	for _, a := range actions {
		c.Permissions = append(c.Permissions, Permission{a, arn(c.Bucket, c.Key)})
	}
	return c
}

// write describes a request that writes an object under a condition. Who names an
// ETag has to be allowed to read it.
func write(operation string, bucket, key, match, noneMatch *string, bytes int64) Call {
	c := call(operation, bucket, key, "s3:PutObject")
	c.Condition, c.Bytes = str(match)+str(noneMatch), bytes
	if match != nil {
		c.Permissions = append(c.Permissions, Permission{"s3:GetObject", arn(c.Bucket, c.Key)})
	}
	return c
}

// str is the text behind a pointer that may be nil.
func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
