package s3test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func checkAbsence(ctx context.Context, b *bench) error {
	if err := b.absent(ctx, "absent"); err != nil {
		return err
	}
	if _, err := b.put(ctx, "present/below", "x", ""); err != nil {
		return err
	}
	if err := b.absent(ctx, "present"); err != nil {
		return err
	}
	_, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.bucket, Key: new("absent")})
	var missing *types.NotFound
	if !errors.As(err, &missing) {
		return fmt.Errorf("head of what is not there returned error %v, want NotFound", err)
	}
	return nil
}

func checkBytes(ctx context.Context, b *bench) error {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for i, content := range []string{"text", "", string(all), strings.Repeat("0123456789abcdef", 1<<16)} {
		key := fmt.Sprintf("bytes/%d", i)
		etag, err := b.put(ctx, key, content, "")
		if err != nil {
			return err
		}
		if err := b.holds(ctx, key, content, etag); err != nil {
			return err
		}
	}
	return b.described(ctx)
}

// described checks what is kept of an object beside its bytes.
func (b *bench) described(ctx context.Context) error {
	put, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.bucket, Key: new("assets/app.js"), Body: strings.NewReader("hello"),
		ContentType: new("text/javascript; charset=utf-8"), CacheControl: new("public, max-age=31536000, immutable"),
		ContentEncoding: new("gzip"), Metadata: map[string]string{"muster-artifact": "sha256:ab"},
	})
	if err != nil {
		return err
	}
	head, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.bucket, Key: new("assets/app.js")})
	if err != nil {
		return err
	}
	got := fmt.Sprint(*head.ContentLength, *head.ETag == *put.ETag, str(head.ContentType), str(head.CacheControl), str(head.ContentEncoding), head.Metadata)
	want := fmt.Sprint(5, true, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", "gzip", map[string]string{"muster-artifact": "sha256:ab"})
	if got != want {
		return fmt.Errorf("head returned %s, want %s", got, want)
	}
	get, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: new("assets/app.js")})
	if err != nil {
		return err
	}
	defer get.Body.Close()
	if got := fmt.Sprint(*get.ContentLength, *get.ETag == *put.ETag, str(get.ContentType), str(get.CacheControl), str(get.ContentEncoding), get.Metadata); got != want {
		return fmt.Errorf("get returned %s, want %s", got, want)
	}
	return nil
}

func checkRanges(ctx context.Context, b *bench) error {
	etag, err := b.put(ctx, "k", "0123456789", "")
	if err != nil {
		return err
	}
	for asked, want := range map[string]string{"bytes=2-4": "234", "bytes=7-": "789", "bytes=0-0": "0", "bytes=5-99": "56789"} {
		out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: new("k"), Range: &asked, IfMatch: &etag})
		if err != nil {
			return fmt.Errorf("get of %s: %w", asked, err)
		}
		got, err := io.ReadAll(out.Body)
		out.Body.Close()
		if err != nil || string(got) != want || !strings.HasSuffix(str(out.ContentRange), "/10") {
			return fmt.Errorf("get of %s returned %q, range %q, error %v, want %q", asked, got, str(out.ContentRange), err, want)
		}
	}
	_, err = b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: new("k"), Range: new("bytes=10-12")})
	if err := wants(err, "get of a range behind the end", "InvalidRange"); err != nil {
		return err
	}
	_, err = b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: new("k"), IfNoneMatch: &etag})
	if err := wants(err, "get of what is known already", "NotModified"); err != nil {
		return err
	}
	if _, err := b.put(ctx, "k", "abcdefghij", ""); err != nil {
		return err
	}
	_, err = b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: new("k"), Range: new("bytes=2-4"), IfMatch: &etag})
	return wants(err, "get of what was replaced", "PreconditionFailed")
}

// odd are keys that a client or a server may mistake for something else.
var odd = []string{
	"a b.txt", "a+b.txt", "ä€😀.txt", "a#b", "a?b=c", "a%20b", "a%b", "a&b;c=d,e", "a'b\"c", "a~b", "a:b@c!d$e(f)*g", "a[b]{c}", "a\\b", "-a", "<a>",
}

func checkKeys(ctx context.Context, b *bench) error {
	for _, key := range odd {
		etag, err := b.put(ctx, "odd/"+key, "content of "+key, "*")
		if err != nil {
			return fmt.Errorf("put %q: %w", key, err)
		}
		if _, err := b.copy(ctx, "odd/"+key, "copied/"+key, etag, "text/plain"); err != nil {
			return fmt.Errorf("copy %q: %w", key, err)
		}
	}
	for _, key := range odd {
		for _, full := range []string{"odd/" + key, "copied/" + key} {
			if err := b.holds(ctx, full, "content of "+key, ""); err != nil {
				return err
			}
		}
	}
	listed, err := b.list(ctx, "odd/", "", 0)
	if err != nil {
		return err
	}
	if len(listed) != len(odd) {
		return fmt.Errorf("of %d keys %d are listed: %q", len(odd), len(listed), listed)
	}
	for _, key := range odd {
		if _, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.bucket, Key: new("odd/" + key)}); err != nil {
			return fmt.Errorf("delete %q: %w", key, err)
		}
		if err := b.absent(ctx, "odd/"+key); err != nil {
			return err
		}
	}
	return nil
}

func checkBodies(ctx context.Context, b *bench) error {
	other := sha256.Sum256([]byte("something else"))
	sum := base64.StdEncoding.EncodeToString(other[:])
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.bucket, Key: new("k"), Body: strings.NewReader("body"), ChecksumSHA256: &sum})
	if err == nil {
		return errors.New("a body with another SHA-256 was taken")
	}
	md5 := "CY9rzUYh03PK3k6DJie09g==" // of "test"
	_, err = b.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.bucket, Key: new("k"), Body: strings.NewReader("body"), ContentMD5: &md5})
	if err == nil {
		return errors.New("a body with another MD5 was taken")
	}
	if err := b.absent(ctx, "k"); err != nil {
		return err
	}
	right := sha256.Sum256([]byte("body"))
	sum = base64.StdEncoding.EncodeToString(right[:])
	if _, err := b.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.bucket, Key: new("k"), Body: strings.NewReader("body"), ChecksumSHA256: &sum}); err != nil {
		return err
	}
	head, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.bucket, Key: new("k"), ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		return err
	}
	if str(head.ChecksumSHA256) != sum {
		return fmt.Errorf("head returned the SHA-256 %q, want %q", str(head.ChecksumSHA256), sum)
	}
	return nil
}
