package s3target

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/muster-deploy/muster/build"
)

// digestKey is the metadata that names the SHA-256 of the file that an object is, or is
// a variant of.
const digestKey = "muster-sha256"

// whole is the size in bytes up to which content is in memory as a whole.
const whole = 8 << 20

// held is how many bytes of memory an upload takes.
func (o object) held() int64 {
	if o.file.Size > whole {
		return partSize(o.file.Size)
	}
	return o.file.Size
}

// put uploads one object. What is read is compared with the manifest before the bucket
// shows it.
func (t *Target) put(ctx context.Context, a *build.Artifact, o object, y *tally) error {
	f, err := a.Files.Open(o.file.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	if o.file.Size > whole {
		err = t.putParts(ctx, f, o, y.bytes)
	} else if err = t.putFile(ctx, f, o); err == nil {
		y.bytes(o.file.Size)
	}
	if err == nil {
		y.file()
	}
	return err
}

// putFile uploads a file, or a variant of it, that fits into memory.
func (t *Target) putFile(ctx context.Context, f fs.File, o object) error {
	content, err := contentOf(f, o.file)
	if err != nil {
		return err
	}
	if o.variant == "" {
		sum, err := hex.DecodeString(o.file.SHA256)
		if err != nil {
			return fmt.Errorf("%s: its manifest's checksum: %w", o.file.Path, err)
		}
		return t.putWhole(ctx, o, content, base64.StdEncoding.EncodeToString(sum))
	}
	if content, err = o.variant.encode(content); err != nil {
		return err
	}
	return t.putWhole(ctx, o, content, checksum(content))
}

// contentOf reads a file whole. The artifact's reader compares it with the manifest, and
// says at the end whether it is that.
func contentOf(f fs.File, want build.File) ([]byte, error) {
	content := make([]byte, want.Size)
	if _, err := io.ReadFull(f, content); err != nil {
		return nil, fmt.Errorf("%s is shorter than %d bytes, or cannot be read: %w", want.Path, want.Size, err)
	}
	if n, err := f.Read(make([]byte, 1)); n > 0 || err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s does not end after %d bytes: %w", want.Path, want.Size, err)
	}
	return content, nil
}

// putWhole uploads content in one request. The server compares it with the checksum that
// the manifest promises: bytes that changed on the way from the disk are refused.
func (t *Target) putWhole(ctx context.Context, o object, content []byte, check string) error {
	for range 4 {
		in := &s3.PutObjectInput{
			Bucket: &t.config.Bucket, Key: t.key(o.source()), Body: bytes.NewReader(content), ContentLength: new(int64(len(content))),
			ChecksumSHA256: &check, Metadata: o.metadata(""), ContentType: &o.ContentType, CacheControl: &o.CacheControl,
			ContentEncoding: maybe(o.ContentEncoding),
		}
		if o.hashed() {
			in.IfNoneMatch = new("*")
		}
		_, err := t.config.Client.PutObject(ctx, in, unsigned)
		switch {
		case err == nil:
			return nil
		case refused(err):
			return t.same(ctx, o)
		case !conflicted(err):
			return t.explain("s3:PutObject", o.source(), err)
		}
	}
	return fmt.Errorf("%s: others go on writing it", t.url(o.source()))
}

// unsigned leaves the content out of the signature: the checksum, which is in it, is of
// the same digest, and neither side computes that twice.
func unsigned(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
}

// same says whether what stands under a name already is the object. A hashed name with
// another content is an error: tabs of old releases count on it.
func (t *Target) same(ctx context.Context, o object) error {
	out, err := t.config.Client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &t.config.Bucket, Key: t.key(o.source())})
	if err != nil {
		return t.explain("s3:GetObject", o.source(), err)
	}
	if out.Metadata[digestKey] == o.file.SHA256 {
		return nil
	}
	if o.variant == "" && out.Metadata[digestKey] == "" && out.ContentLength != nil && *out.ContentLength == o.file.Size {
		if sum, err := t.digest(ctx, o.source()); err != nil || sum == o.file.SHA256 {
			return err // Another tool has uploaded it.
		}
	}
	return fmt.Errorf("%s is there with another content: its name says that it never changes. Give it another name, or have the builder not call it %q", t.url(o.source()), build.Hashed)
}

// digest reads an object and returns its SHA-256.
func (t *Target) digest(ctx context.Context, name string) (string, error) {
	out, err := t.config.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: &t.config.Bucket, Key: t.key(name)})
	if err != nil {
		return "", t.explain("s3:GetObject", name, err)
	}
	defer out.Body.Close()
	h := sha256.New()
	if _, err := io.Copy(h, out.Body); err != nil {
		return "", fmt.Errorf("read %s: %w", t.url(name), err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// metadata names the content, and the release that has projected it, if one has.
func (o object) metadata(release string) map[string]string {
	m := map[string]string{digestKey: o.file.SHA256}
	if release != "" {
		maps.Copy(m, map[string]string{releaseKey: release})
	}
	return m
}

func checksum(content []byte) string {
	sum := sha256.Sum256(content)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// maybe is a header that is left out if it is empty.
func maybe(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
