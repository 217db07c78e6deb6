package s3test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// body is what a request sends.
type body struct {
	io.Reader
	length     *int64
	md5        *string
	sha, crc32 *string
	keep       string // the algorithm whose checksum is kept
}

// sums are the checksums that are kept of an object, base64; nil where not.
type sums struct{ sha256, crc32 *string }

// errBody says that a body cannot be sent.
var errBody = errors.New("s3test: the client cannot send a body over a plain connection that is no io.Seeker: it reads it twice, for the signature and for a retry")

// read takes the body, and checks it against all that was said about it.
func (b body) read() ([]byte, error) {
	if b.Reader == nil {
		b.Reader = strings.NewReader("")
	}
	if _, ok := b.Reader.(io.Seeker); !ok {
		return nil, errBody
	}
	data, err := io.ReadAll(b.Reader)
	if err != nil {
		return nil, fmt.Errorf("send the body: %w", err)
	}
	if b.length != nil && *b.length != int64(len(data)) {
		return nil, fmt.Errorf("send the body: ContentLength=%d with Body length %d", *b.length, len(data))
	}
	sum := md5.Sum(data)
	for name, pair := range map[string][2]string{
		"Content-MD5": {str(b.md5), base64.StdEncoding.EncodeToString(sum[:])},
		"SHA256":      {str(b.sha), sha256Of(data)},
		"CRC32":       {str(b.crc32), crc32Of(data)},
	} {
		if pair[0] != "" && pair[0] != pair[1] {
			return nil, Failure(400, "BadDigest", "The "+name+" you specified did not match the calculated checksum.")
		}
	}
	return data, nil
}

// sums returns the checksums to keep: one, as S3 does.
func (b body) sums(data []byte) sums {
	if b.sha != nil || b.keep == "SHA256" {
		return sums{sha256: new(sha256Of(data))}
	}
	return sums{crc32: new(crc32Of(data))}
}

// etag is the ETag of an object that was sent whole.
func etag(data []byte) string { return fmt.Sprintf("%q", fmt.Sprintf("%x", md5.Sum(data))) }

func sha256Of(data []byte) string {
	sum := sha256.Sum256(data)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func crc32Of(data []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(data)))
}

// reader returns a body to read from.
func reader(data []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(data)) }
