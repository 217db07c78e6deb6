// Package depottest is the conformance suite of host.Depot: what passes it can be
// trusted by hosts.
package depottest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/muster-deploy/muster/target/host"
)

// TB is what the suite asks of a *testing.T.
type TB interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
}

// TestDepot holds a depot, which is empty at first, against the contract of host.Depot.
func TestDepot(t TB, d host.Depot) {
	t.Helper()
	for _, check := range []func(context.Context, host.Depot) error{
		serves, servesTheRest, keepsNothingElse, signsNothingElse, putsAtOnce,
	} {
		if err := check(t.Context(), d); err != nil {
			t.Errorf("depot: %v", err)
		}
	}
}

// content returns bytes and their sum.
func content(n int) (data []byte, sum string) {
	data = bytes.Repeat([]byte(fmt.Sprintf("content %d\n", n)), 10_000)
	digest := sha256.Sum256(data)
	return data, hex.EncodeToString(digest[:])
}

func section(data []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))
}

// serves puts a pack, twice, and gets it.
func serves(ctx context.Context, d host.Depot) error {
	data, sum := content(1)
	for range 2 {
		if err := d.Put(ctx, sum, section(data)); err != nil {
			return fmt.Errorf("put: %w", err)
		}
	}
	return wantBytes(ctx, d, sum, "", http.StatusOK, data)
}

// servesTheRest gets a pack from the midst of it on.
func servesTheRest(ctx context.Context, d host.Depot) error {
	data, sum := content(2)
	if err := d.Put(ctx, sum, section(data)); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	return wantBytes(ctx, d, sum, "bytes=70000-", http.StatusPartialContent, data[70000:])
}

// keepsNothingElse puts what is not what its sum says.
func keepsNothingElse(ctx context.Context, d host.Depot) error {
	data, _ := content(3)
	_, sum := content(4)
	if err := d.Put(ctx, sum, section(data)); err == nil {
		return fmt.Errorf("put took bytes that are not those of the sum")
	}
	status, body, err := get(ctx, d, sum, "")
	if err == nil && status == http.StatusOK {
		return fmt.Errorf("%d wrong bytes are served under a sum", len(body))
	}
	return nil
}

// signsNothingElse asks for a URL of what is no sum.
func signsNothingElse(ctx context.Context, d host.Depot) error {
	_, sum := content(1)
	for _, odd := range []string{"", "..", "../" + sum[3:], sum + "/..", "A" + sum[1:]} {
		if at, err := d.URL(ctx, odd); err == nil {
			return fmt.Errorf("a URL of %q was given: %s", odd, at)
		}
	}
	return nil
}

// putsAtOnce puts one pack from many sides.
func putsAtOnce(ctx context.Context, d host.Depot) error {
	data, sum := content(5)
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = d.Put(ctx, sum, section(data)) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("put beside others: %w", err)
		}
	}
	return wantBytes(ctx, d, sum, "", http.StatusOK, data)
}

func wantBytes(ctx context.Context, d host.Depot, sum, part string, want int, data []byte) error {
	status, body, err := get(ctx, d, sum, part)
	if err != nil {
		return err
	}
	if status != want || !bytes.Equal(body, data) {
		return fmt.Errorf("get %q: status %d with %d bytes, want %d with %d bytes", part, status, len(body), want, len(data))
	}
	return nil
}

func get(ctx context.Context, d host.Depot, sum, part string) (status int, body []byte, err error) {
	at, err := d.URL(ctx, sum)
	if err != nil {
		return 0, nil, fmt.Errorf("get a URL: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return 0, nil, err
	}
	if part != "" {
		req.Header.Set("Range", part)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}
