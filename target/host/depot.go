package host

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/muster-deploy/muster/target"
)

// Depot keeps packs where hosts can fetch them: in a bucket, or with a web server. It is
// for transports that carry no input to a host, and for fleets that are too large to
// be sent everything by the deployer. Both methods may be called by many goroutines
// at once.
type Depot interface {
	// Put keeps the bytes of pack under sum, their sha256 in hexadecimal: whole or not
	// at all, and only if they are what sum says. What is there already need not be read,
	// but is kept for another while. A Packs calls it once for all hosts, before any URL.
	Put(ctx context.Context, sum string, pack *io.SectionReader) error

	// URL returns an address from which a host can get what is kept under sum by a
	// plain GET, also from the midst of it on (Range). Whoever has the URL has the pack: it
	// works for minutes, for nothing else, and holds no other credentials. It is called
	// for each host, shortly before it fetches, and may return one URL several times.
	URL(ctx context.Context, sum string) (string, error)
}

// deposit brings manifest and pack into the depot. The manifest's sum is its release.
func (k *pack) deposit(ctx context.Context, d Depot, c content) error {
	err := d.Put(ctx, hexOf(c.artifact.Digest), io.NewSectionReader(bytes.NewReader(c.manifest), 0, int64(len(c.manifest))))
	if err != nil {
		return fmt.Errorf("put the manifest into the depot: %w", err)
	}
	if err := d.Put(ctx, k.sum, k.reader()); err != nil {
		return fmt.Errorf("put the pack into the depot: %w", err)
	}
	return nil
}

// part is something to fetch: what the script calls it, and its sum.
type part struct{ name, sum string }

// fetch has the host fetch manifest and pack by itself. It is told the URLs by its
// input, which is small.
func (h *Host) fetch(ctx context.Context, o target.Order, s settings, manifest int, parts []part) error {
	var lines strings.Builder
	for _, what := range parts {
		at, err := h.c.Packs.Depot.URL(ctx, what.sum)
		if err == nil {
			err = checkFetchable(at)
		}
		if err != nil {
			return h.unitError(fmt.Errorf("get a URL of the %s: %w", what.name, err))
		}
		fmt.Fprintf(&lines, "%s %s\n", what.name, at)
	}
	s.set("from", "url")
	s.set("manifest_bytes", manifest)
	h.report(o, "fetch")
	_, err := h.call(ctx, "prepare", s, strings.NewReader(lines.String()))
	return err
}

// maxURL is the longest URL that a host is given, in bytes.
const maxURL = 8 << 10

// checkFetchable refuses what would be something else in curl's config. It does not
// repeat the URL, which is a secret.
func checkFetchable(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || len(s) > maxURL {
		return errors.New("the depot's URL is none: want http:// or https:// and a host")
	}
	odd := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
	if strings.ContainsFunc(s, odd) {
		return errors.New("the depot's URL holds a character that has to be escaped")
	}
	return nil
}

// CheckSum says whether sum has the form of one that a Depot is given: 64 lower-case
// hexadecimal digits. It holds nothing that could lead a path astray.
func CheckSum(sum string) error {
	if b, err := hex.DecodeString(sum); err != nil || len(b) != 32 || strings.ToLower(sum) != sum {
		return fmt.Errorf("%.80q is no sha256: want 64 lower-case hexadecimal digits", sum)
	}
	return nil
}
