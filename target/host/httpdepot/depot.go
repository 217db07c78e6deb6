package httpdepot

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/muster-deploy/muster/target/host"
)

// Config describes a depot. Dir and URL are required.
type Config struct {
	// Dir is where packs are kept, by their sums. It is made if it is missing, and holds
	// nothing else.
	Dir string

	// URL is where hosts reach the Depot as a handler; it ends in a slash.
	URL string

	// Life is how long a URL may be used; zero means 15 min. A fetch that has begun goes
	// on, but one that was cut off has to go on within it.
	Life time.Duration

	// Keep is how long a pack is kept after it was put last; zero means 24 h.
	Keep time.Duration
}

// check returns all complaints at once.
func (c Config) check() error {
	var errs []error
	if !filepath.IsAbs(c.Dir) {
		errs = append(errs, fmt.Errorf("Dir is %q: want an absolute path", c.Dir))
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || !strings.HasSuffix(u.Path, "/") {
		errs = append(errs, fmt.Errorf("URL is %q: want http:// or https://, a host, and a path that ends in a slash", c.URL))
	}
	if c.Life < 0 || c.Keep < 0 {
		errs = append(errs, fmt.Errorf("Life is %v and Keep is %v: want durations from 0", c.Life, c.Keep))
	}
	return errors.Join(errs...)
}

// Depot is a host.Depot and the http.Handler that serves it. It may be used by many
// goroutines at once.
type Depot struct {
	c   Config
	key []byte
}

var _ host.Depot = (*Depot)(nil)

// New checks the config and makes the directory.
func New(c Config) (*Depot, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("http depot: %w", err)
	}
	if c.Life == 0 {
		c.Life = 15 * time.Minute
	}
	if c.Keep == 0 {
		c.Keep = 24 * time.Hour
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("http depot: %w", err)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return &Depot{c, key}, nil
}

// Put implements host.Depot. It also removes packs that nobody has put for long.
func (d *Depot) Put(ctx context.Context, sum string, pack *io.SectionReader) error {
	if err := errors.Join(context.Cause(ctx), host.CheckSum(sum)); err != nil {
		return fmt.Errorf("put pack: %w", err)
	}
	d.sweep()
	now := time.Now()
	if err := os.Chtimes(d.file(sum), now, now); err == nil {
		return nil
	}
	if err := d.write(ctx, sum, pack); err != nil {
		return fmt.Errorf("put pack %s: %w", sum, err)
	}
	return nil
}

// write brings a pack to its name once it is whole and known to be right.
func (d *Depot) write(ctx context.Context, sum string, pack io.Reader) error {
	f, err := os.CreateTemp(d.c.Dir, ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, hash), readerIn(ctx, pack)); err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != sum {
		return fmt.Errorf("its bytes have the sha256 %s", got)
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), d.file(sum))
}

// sweep removes what is too old. What goes wrong is tried again by the next one.
func (d *Depot) sweep() {
	entries, _ := os.ReadDir(d.c.Dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > d.c.Keep {
			_ = os.Remove(filepath.Join(d.c.Dir, e.Name()))
		}
	}
}

func (d *Depot) file(sum string) string { return filepath.Join(d.c.Dir, sum) }

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func readerIn(ctx context.Context, r io.Reader) io.Reader { return contextReader{ctx, r} }

// Read implements io.Reader.
func (r contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
