//go:build integration

package bench

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/muster-deploy/muster/internal/partstest/s3servertest"
)

var sitePeers = flag.String("site-peers", "rclone,aws,ember-cli-deploy", "which peers a site is measured beside")

// sitePeer is another tool that brings a directory into a bucket.
type sitePeer struct {
	name string
	// words are its command line, from the directory of the peers on.
	words func(endpoint, bucket, dir string) []string
}

// peersOfSites are those that .ci/peers puts in place, with the flags that are best for
// them: rclone compares checksums and asks for nothing that it does not need.
var peersOfSites = []sitePeer{
	{"rclone", func(_, bucket, dir string) []string {
		return []string{"python/bin/rclone", "sync", "--checksum", "--transfers", "64", "--checkers", "64", "--fast-list",
			"--s3-no-head", "--s3-no-check-bucket", dir, "peer:" + bucket}
	}},
	{"aws", func(endpoint, bucket, dir string) []string {
		return []string{"python/bin/aws", "s3", "sync", "--only-show-errors", "--endpoint-url", endpoint, dir, "s3://" + bucket}
	}},
	{"ember-cli-deploy", func(string, string, string) []string {
		return []string{"node_modules/.bin/ember", "deploy", "production"}
	}},
}

// askedPeers are those that the flag names.
func askedPeers(b *testing.B) []sitePeer {
	var all []sitePeer
	for _, name := range strings.Split(*sitePeers, ",") {
		i := slices.IndexFunc(peersOfSites, func(p sitePeer) bool { return p.name == name })
		if i < 0 {
			b.Fatalf("there is no peer %q", name)
		}
		all = append(all, peersOfSites[i])
	}
	return all
}

// dirOfPeers is where .ci/peers has put them.
func dirOfPeers(b *testing.B) string {
	root := os.Getenv("MUSTER_PARTS")
	if root == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			b.Fatal(err)
		}
		root = filepath.Join(cache, "muster-parts")
	}
	dir := filepath.Join(root, "peers")
	if _, err := os.Stat(filepath.Join(dir, "ready")); err != nil {
		b.Fatalf("the peers are missing (%v): run bash .ci/peers", err)
	}
	return dir
}

// deploy runs the peer with what it reads of the environment to find the server.
func (p sitePeer) deploy(b *testing.B, s *s3servertest.Server, bucket, dir string) {
	keys, err := s.Config().Credentials.Retrieve(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	peers := dirOfPeers(b)
	words := p.words(s.Endpoint, bucket, dir)
	c := exec.CommandContext(b.Context(), words[0], words[1:]...)
	c.Dir = peers
	if p.name == "ember-cli-deploy" {
		c.Dir = filepath.Join(peers, "ember")
		defer os.Remove(filepath.Join(dir, "manifest.txt")) // It is the peer's, and not of the site.
	}
	c.Path = filepath.Join(c.Dir, words[0])
	foreign := func(v string) bool { return strings.HasPrefix(v, "AWS_") || strings.HasPrefix(v, "RCLONE_") }
	c.Env = append(slices.DeleteFunc(os.Environ(), foreign), "AWS_ACCESS_KEY_ID="+keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+keys.SecretAccessKey,
		"AWS_DEFAULT_REGION=us-east-1", "SITE="+dir, "BUCKET="+bucket, "ENDPOINT="+s.Endpoint, "NODE_NO_WARNINGS=1",
		"RCLONE_CONFIG=/dev/null", "RCLONE_CONFIG_PEER_TYPE=s3", "RCLONE_CONFIG_PEER_PROVIDER=Other", "RCLONE_CONFIG_PEER_ENV_AUTH=true",
		"RCLONE_CONFIG_PEER_REGION=us-east-1", "RCLONE_CONFIG_PEER_ENDPOINT="+s.Endpoint)
	if out, err := c.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", p.name, err, out)
	}
}
