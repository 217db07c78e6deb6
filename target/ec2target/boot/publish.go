package boot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/muster-deploy/muster/build"
)

// Publish puts what an instance needs to boot into a beside the pointer, the script last:
// without it there is no release. What this Pointer has published is left alone; else
// what is there already is not sent again, but for the script, which may be a newer one.
func (p *Pointer) Publish(ctx context.Context, a *build.Artifact) error {
	if _, ok := p.published.Load(a.Digest); ok {
		return nil
	}
	manifest, err := build.EncodeManifest(a.Manifest)
	if err != nil {
		return fmt.Errorf("publish %s: %w", a.Digest, err)
	}
	pack, sum, err := pack(ctx, a)
	if err != nil {
		return fmt.Errorf("publish %s: %w", a.Digest, err)
	}
	defer pack.Close()
	script, err := p.script(a, sum)
	if err != nil {
		return fmt.Errorf("publish %s: %w", a.Digest, err)
	}
	at := "releases/" + strings.TrimPrefix(a.Digest, "sha256:") + "/"
	if err := p.put(ctx, at+"manifest", bytes.NewReader(manifest), false); err != nil {
		return err
	}
	if err := p.put(ctx, at+"pack-"+sum, pack, false); err != nil {
		return err
	}
	if err := p.put(ctx, at+"script", strings.NewReader(script), true); err != nil {
		return err
	}
	p.published.Store(a.Digest, true)
	return nil
}

// pack makes a file without a name, and its sum.
func pack(ctx context.Context, a *build.Artifact) (*os.File, string, error) {
	f, err := os.CreateTemp("", "muster-boot-*")
	if err != nil {
		return nil, "", fmt.Errorf("make a temporary file for the pack: %w", err)
	}
	err = os.Remove(f.Name())
	hash := sha256.New()
	if err == nil {
		err = build.Pack(ctx, io.MultiWriter(f, hash), a)
	}
	if err != nil {
		f.Close()
		return nil, "", err
	}
	return f, hex.EncodeToString(hash.Sum(nil)), nil
}

// put writes an object, and S3 compares the bytes with their sum.
func (p *Pointer) put(ctx context.Context, name string, content io.ReadSeeker, anew bool) error {
	if !anew {
		_, err := p.c.Client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &p.c.Bucket, Key: p.key(name)})
		if err == nil {
			return nil
		}
	}
	hash := sha256.New()
	_, err := content.Seek(0, io.SeekStart)
	if err == nil {
		_, err = io.Copy(hash, content)
	}
	if err == nil {
		_, err = content.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("read what goes to %s: %w", p.url(name), err)
	}
	_, err = p.c.Client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &p.c.Bucket, Key: p.key(name), Body: content,
		ChecksumSHA256: new(base64.StdEncoding.EncodeToString(hash.Sum(nil))),
	})
	if err != nil {
		return fmt.Errorf("write %s (s3:PutObject): %w", p.url(name), err)
	}
	return nil
}
