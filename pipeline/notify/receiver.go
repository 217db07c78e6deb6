package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Refused is a receiver's answer that is no success.
type Refused struct {
	// Status is the HTTP status.
	Status int
	// Said is the beginning of the answer.
	Said string
	// After is how long the receiver asks to wait; zero where it does not.
	After time.Duration
}

// Error says what was answered.
func (e *Refused) Error() string {
	return fmt.Sprintf("the receiver answers %d: %s", e.Status, e.Said)
}

// final reports whether the same message would be refused again.
func (e *Refused) final() bool {
	return e.Status/100 == 4 && e.Status != http.StatusRequestTimeout && e.Status != http.StatusTooManyRequests
}

// checkURL refuses what messages, and the secret in the URL, must not be sent to.
func checkURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return errors.New("URL is no URL: want one like \"https://example.com/hook\"")
	}
	ip := net.ParseIP(u.Hostname())
	here := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme == "https" || u.Scheme == "http" && here {
		return nil
	}
	return fmt.Errorf("URL begins with %q: want https", u.Scheme)
}

// post sends a body to a URL, once. No error of it holds the URL, which may be a secret.
func post(ctx context.Context, given *http.Client, address string, header http.Header, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("the receiver's URL is no URL")
	}
	r.Header = header
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "muster")
	client := http.Client{}
	if given != nil {
		client = *given
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return fmt.Errorf("post to %s: %w", r.URL.Host, err)
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 1000)) // a word for people
	if answer.StatusCode/100 == 2 {
		return nil
	}
	refused := &Refused{Status: answer.StatusCode, Said: line(string(said), 200)}
	if n, err := strconv.ParseInt(answer.Header.Get("Retry-After"), 10, 32); err == nil && n > 0 {
		refused.After = min(time.Duration(n)*time.Second, mostPause)
	}
	return refused
}
