package platform

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/hashicorp/go-retryablehttp"
)

// upload sends a file to a signed address that Heroku gave. The token is not sent there,
// and the address stands in no error.
func (c *Client) upload(ctx context.Context, address string, from io.ReaderAt, size int64) error {
	body := func() (io.Reader, error) { return io.NewSectionReader(from, 0, size), nil }
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPut, address, body)
	if err != nil {
		return fmt.Errorf("upload: %w", hidden(err))
	}
	req.ContentLength = size
	r, err := c.unlimited.Do(req)
	if err != nil {
		return fmt.Errorf("upload: %w", unanswered(ctx, err))
	}
	r.Body.Close()
	switch err := fmt.Errorf("upload: the storage behind Heroku answers %s", r.Status); {
	case r.StatusCode >= 500:
		return &silenceError{err}
	case r.StatusCode >= 300:
		return err
	}
	return nil
}

// Bounds of an output, in bytes: what is read, and what is kept of its end.
const (
	maxOutput = 64 << 20
	keptTail  = 4 << 10
)

// password is the secret part of an address such as a database's.
var password = regexp.MustCompile(`(://[^/\s:@]*:)[^@\s/]+@`)

// Output returns the end of an output stream, whose address is signed, too: up to 4 KiB
// without a first word that is cut, and without the passwords in addresses. It waits for the stream's end.
func (c *Client) Output(ctx context.Context, address string) (string, error) {
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", fmt.Errorf("read the output: %w", hidden(err))
	}
	r, err := c.again.Do(req)
	if err != nil {
		return "", fmt.Errorf("read the output: %w", hidden(err))
	}
	defer r.Body.Close()
	if r.StatusCode >= 300 {
		return "", fmt.Errorf("read the output: the stream answers %s", r.Status)
	}
	end := &tail{}
	_, err = io.Copy(end, io.LimitReader(r.Body, maxOutput))
	text := password.ReplaceAllString(end.lines(), "${1}[secret]@")
	if err != nil {
		return text, fmt.Errorf("read the output: %w", hidden(err))
	}
	return text, nil
}

// tail keeps the end of what is written to it.
type tail struct {
	kept []byte
	cut  bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - 2*keptTail; over > 0 {
		t.kept, t.cut = append(t.kept[:0], t.kept[over:]...), true
	}
	return len(p), nil
}

// lines returns what was kept, from the beginning of a line.
func (t *tail) lines() string {
	text := strings.ToValidUTF8(string(t.kept), "?")
	if over := len(text) - keptTail; over > 0 {
		text, t.cut = text[over:], true
	}
	if !t.cut {
		return strings.TrimSpace(text)
	}
	at := strings.IndexAny(text, " \n")
	if at < 0 {
		return "" // a secret that is cut in two is not recognised
	}
	return strings.TrimSpace(text[at:])
}
