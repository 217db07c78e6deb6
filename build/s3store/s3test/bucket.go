package s3test

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
)

// Bucket is one bucket in memory, without versions and without ACLs, as S3 makes
// them today. The zero value is empty, ready to use and answers to every name. All
// methods may be called by many goroutines at once; each request happens at one
// moment between its beginning and its end.
type Bucket struct {
	// Name is the only bucket that there is. Empty: any name is this bucket.
	Name string

	// Page is how many keys a page of a listing has at most. Zero: 1000, as in S3.
	Page int

	// MinPart is the least size in bytes of all parts of an upload but the last.
	// Zero: 5 MiB, as in S3.
	MinPart int

	// Policy says what is allowed; nil allows everything. As in S3, a key that is
	// not there is "not found" only for those who may list the bucket.
	Policy *Policy

	mu      sync.Mutex
	objects map[string]*object
	uploads map[string]*upload
	last    int // number of the last upload
	calls   []Call
	broken  func(Call) Fault
}

// object is one version of what is under a key; it never changes.
type object struct {
	body []byte
	etag string
	sums sums
	time time.Time
	head head
}

// head is what is kept of an object beside its bytes.
type head struct {
	ContentType, CacheControl, ContentEncoding *string
	ContentDisposition, ContentLanguage        *string
	Metadata                                   map[string]string
}

// Break lets f decide about each request from now on what goes wrong with it; nil
// ends it. F is called before the request happens, by many goroutines at once.
func (b *Bucket) Break(f func(Call) Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = f
}

// Calls returns the requests since the last Forget, in the order in which they
// happened. Those that a Fault refused are among them.
func (b *Bucket) Calls() []Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Call(nil), b.calls...)
}

// Forget empties the list of Calls.
func (b *Bucket) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = nil
}

// Keys returns the keys of all objects, sorted.
func (b *Bucket) Keys() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sorted("")
}

// Uploads returns how many uploads in parts have neither been completed nor aborted.
func (b *Bucket) Uploads() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.uploads)
}

// do makes one request: act runs at one moment, with the lock held. In is checked
// for fields that are not simulated.
func do[Out any](ctx context.Context, b *Bucket, c Call, in any, act func() (*Out, error)) (*Out, error) {
	out, err := try(ctx, b, c, in, act)
	if err != nil {
		return nil, &smithy.OperationError{ServiceID: "S3", OperationName: c.Operation, Err: err}
	}
	return out, nil
}

func try[Out any](ctx context.Context, b *Bucket, c Call, in any, act func() (*Out, error)) (*Out, error) {
	if err := known(c.Operation, in); err != nil {
		return nil, err
	}
	f := b.fault(c)
	if err := f.before(ctx); err != nil {
		b.note(c)
		return nil, err
	}
	out, err := locked(b, c, act)
	if f.Lose != nil {
		return nil, failed(f.Lose)
	}
	if err := ctx.Err(); err != nil {
		return nil, &aws.RequestCanceledError{Err: err}
	}
	if get, ok := any(out).(*getOutput); ok && err == nil {
		f.cut(get)
	}
	return out, err
}

// locked runs act and notes the request.
func locked[Out any](b *Bucket, c Call, act func() (*Out, error)) (*Out, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, c)
	if b.Name != "" && c.Bucket != b.Name {
		return nil, noSuchBucket(c)
	}
	if err := b.Policy.judge(c); err != nil {
		return nil, err
	}
	out, err := act()
	if missing(err) && c.Reads {
		b.calls[len(b.calls)-1].Permissions = append(c.Permissions, Permission{"s3:ListBucket", arn(c.Bucket, "")})
		if denied := b.Policy.judge(b.calls[len(b.calls)-1]); denied != nil {
			return nil, denied
		}
	}
	return out, err
}

// fault asks what goes wrong with a request.
func (b *Bucket) fault(c Call) Fault {
	b.mu.Lock()
	f := b.broken
	b.mu.Unlock()
	if f == nil {
		return Fault{}
	}
	return f(c)
}

// note adds a request that did not happen to the list.
func (b *Bucket) note(c Call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, c)
}

// set puts an object in the place of the one before.
func (b *Bucket) set(key string, o *object) {
	if b.objects == nil {
		b.objects = map[string]*object{}
	}
	o.time = time.Now().UTC().Truncate(time.Second)
	b.objects[key] = o
}
