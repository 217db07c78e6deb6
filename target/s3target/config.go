package s3target

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Invalidator makes a CDN forget pages. The package cdn has one for CloudFront.
type Invalidator interface {
	// Invalidate returns once the paths, which begin with a slash and are escaped as in
	// a URL, are not served as they were before. The same reference is the same
	// invalidation, however often it is asked for.
	Invalidate(ctx context.Context, reference string, paths []string) error
}

// Config says where a site stands. Client and Bucket are required.
type Config struct {
	// Client sends the requests: a *s3.Client. Its retries are relied on.
	Client Client

	// Bucket is the name of a bucket that is there.
	Bucket string

	// Prefix stands before every key, such as "shop/": each site of a bucket has one of
	// its own. Empty: the bucket is the site.
	Prefix string

	// Name is the target's name in its pipeline, and its unit's. Empty: the bucket and
	// the prefix.
	Name string

	// Entry is the page that has to be there; empty means "index.html". A site has as
	// many others as its artifact has files of the class build.Entry.
	Entry string

	// Variants are made of every text of up to 8 MiB, and stand beside it with its
	// encoding's suffix: app.js.br. What stands before the bucket chooses. Nil: none.
	Variants []Encoding

	// Dotfiles and SourceMaps say whether such files are published. What is in
	// .well-known always is.
	Dotfiles, SourceMaps bool

	// Headers, if not nil, changes what a file is served with. It depends on nothing but
	// its arguments and HeadersVersion, which changes whenever its answers do.
	Headers        func(path string, h Headers) Headers
	HeadersVersion string

	// Invalidator, if not nil, is told what has changed, after it has. Its failure is
	// reported and does not fail the deploy: the release is live.
	Invalidator Invalidator

	// Fallbacks are further paths to invalidate with the entry, such as "/app/*" where
	// the CDN answers them with it.
	Fallbacks []string

	// Margin is how long a request may take that changes what people see; zero means
	// 5 s. It is less than the margin of the lease, which an overtaken deployer's last
	// request must not outlive.
	Margin time.Duration

	// Grace is how long Prune spares what nothing refers to any more; zero means 30
	// days. A browser tab of an old release loads its chunks for as long.
	Grace time.Duration

	// Parallel is how many requests are under way at once; zero means 64. It becomes less
	// while the server asks to slow down.
	Parallel int
}

// check returns all complaints at once.
func (c *Config) check() error {
	var all []error
	complain := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Errorf("s3target: "+format, args...))
		}
	}
	complain(c.Client == nil, "no Client: pass a *s3.Client")
	complain(c.Bucket == "", "no Bucket")
	complain(c.Prefix != "" && (!strings.HasSuffix(c.Prefix, "/") || path.Clean(c.Prefix)+"/" != c.Prefix || c.Prefix[0] == '/' || c.Prefix[0] == '.'),
		"Prefix %q: it has to be clean and to end in a slash, such as \"shop/\"", c.Prefix)
	complain(!utf8.ValidString(c.Prefix), "Prefix %q is not UTF-8", c.Prefix)
	complain(c.Entry != "" && (path.Clean(c.Entry) != c.Entry || c.Entry[0] == '/'), "Entry %q: it has to be a path in the site, such as \"index.html\"", c.Entry)
	for i, v := range c.Variants {
		complain(v.suffix() == "", "Variants[%d] is %q: it has to be Gzip or Brotli", i, v)
	}
	for i, f := range c.Fallbacks {
		complain(!strings.HasPrefix(f, "/"), "Fallbacks[%d] is %q: it has to begin with a slash", i, f)
	}
	complain(c.Headers != nil && c.HeadersVersion == "", "Headers without a HeadersVersion: how would a change of it be noticed?")
	complain(c.Margin < 0, "Margin %v is below zero", c.Margin)
	complain(c.Grace < 0, "Grace %v is below zero", c.Grace)
	complain(c.Parallel < 0, "Parallel %d is below zero", c.Parallel)
	return errors.Join(all...)
}

// complete puts what zero values mean in their place.
func (c *Config) complete() {
	if c.Name == "" {
		c.Name = strings.TrimSuffix(c.Bucket+"/"+c.Prefix, "/")
	}
	if c.Entry == "" {
		c.Entry = "index.html"
	}
	if c.Margin == 0 {
		c.Margin = 5 * time.Second
	}
	if c.Grace == 0 {
		c.Grace = 30 * 24 * time.Hour
	}
	if c.Parallel == 0 {
		c.Parallel = 64
	}
}

// rules decide which files become which objects. They stay with a release.
type rules struct {
	Version    int        `json:"version"`
	Variants   []Encoding `json:"variants,omitempty"`
	Dotfiles   bool       `json:"dotfiles,omitempty"`
	SourceMaps bool       `json:"sourceMaps,omitempty"`
	Headers    string     `json:"headers,omitempty"`
}

// equal reports whether releases by both are the same for the same files.
func (r rules) equal(other rules) bool {
	return slices.Equal(r.Variants, other.Variants) && r.Version == other.Version && r.Headers == other.Headers &&
		r.Dotfiles == other.Dotfiles && r.SourceMaps == other.SourceMaps
}

// rules are those of releases to come.
func (c *Config) rules() rules {
	return rules{rulesVersion, c.Variants, c.Dotfiles, c.SourceMaps, c.HeadersVersion}
}

// by is the config as it was for a release.
func (c Config) by(r rules) *Config {
	c.Variants, c.Dotfiles, c.SourceMaps = r.Variants, r.Dotfiles, r.SourceMaps
	return &c
}

// escape writes a key as it stands in a URL, slashes as they are.
func escape(key string) string {
	parts := strings.Split(key, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.QueryEscape(p), "+", "%20")
	}
	return strings.Join(parts, "/")
}
