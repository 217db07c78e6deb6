package s3store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/muster-deploy/muster/build"
)

const (
	// maxList is the largest list that is written or read, in bytes: it names more
	// than a hundred thousand chunks.
	maxList = 8 << 20

	// maxHeader is the length of the longest first line, and more.
	maxHeader = 128
)

// list is what is under a key: the content itself, or the chunks that it is made of.
type list struct {
	inline []byte
	chunks []chunk
}

// chunk is a piece of content.
type chunk struct {
	digest string // SHA-256, hexadecimal
	size   int64
}

// The first lines of lists. The digest is that of all that follows.
const (
	inlineHeader = "muster content 1: %d bytes, sha256 %s\n"
	chunksHeader = "muster content 1: %d chunks, sha256 %s\n"
	chunkLine    = "%s %d\n"
)

// encode returns the object.
func (l list) encode() ([]byte, error) {
	if len(l.chunks) == 0 {
		return append(fmt.Appendf(nil, inlineHeader, len(l.inline), digestOf(l.inline)), l.inline...), nil
	}
	var body []byte
	for _, c := range l.chunks {
		body = fmt.Appendf(body, chunkLine, c.digest, c.size)
	}
	object := append(fmt.Appendf(nil, chunksHeader, len(l.chunks), digestOf(body)), body...)
	if len(object) > maxList {
		return nil, fmt.Errorf("it is of %d chunks, more than a list of %d bytes can name", len(l.chunks), maxList)
	}
	return object, nil
}

// parse reads what encode returns, and nothing else.
func parse(object []byte) (list, error) {
	head, body, found := bytes.Cut(object, []byte("\n"))
	if !found || len(head) > maxHeader {
		return list{}, fmt.Errorf("it begins with %.40q: %w", object, build.ErrCorrupt)
	}
	header := string(head) + "\n"
	if header == fmt.Sprintf(inlineHeader, len(body), digestOf(body)) {
		return list{inline: body}, nil
	}
	lines := bytes.SplitAfter(body, []byte("\n"))
	lines = lines[:len(lines)-1] // what follows the last line: nothing, or the digest differs
	if len(lines) == 0 || header != fmt.Sprintf(chunksHeader, len(lines), digestOf(body)) {
		return list{}, fmt.Errorf("it begins with %q, and does not go on like that: %w", head, build.ErrCorrupt)
	}
	l := list{chunks: make([]chunk, len(lines))}
	for i, line := range lines {
		c := &l.chunks[i]
		_, err := fmt.Sscanf(string(line), chunkLine, &c.digest, &c.size)
		if err != nil || fmt.Sprintf(chunkLine, c.digest, c.size) != string(line) || !isDigest(c.digest) || c.size <= 0 || c.size > maxChunk {
			return list{}, fmt.Errorf("line %d is %.80q: %w", i+2, line, build.ErrCorrupt)
		}
	}
	return l, nil
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func isDigest(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size && hex.EncodeToString(b) == s
}
