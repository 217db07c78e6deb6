package boot_test

import (
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/ec2target/boot"
	"github.com/muster-deploy/muster/target/host"
)

//go:embed policy.json
var policy []byte

//go:embed instance.json
var instance []byte

// cloud is what an instance reaches: a bucket, Auto Scaling, its own metadata.
type cloud struct {
	*s3test.Bucket
	pointer *boot.Pointer
	server  *httptest.Server
	dir     string
	scratch string       // where user data makes its directory
	tokens  atomic.Int64 // asked for

	mu     sync.Mutex
	told   []string                        // requests to Auto Scaling
	role   *s3test.Policy                  // of the instance
	used   []s3test.Call                   // what it has asked for
	tag    string                          // muster-boot, as the instance may read it; empty: it has none
	before func(path string) (broken bool) // each request of an object
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	p, err := s3test.ParsePolicy(policy, "deploys", "boot/shop/")
	require.NoError(t, err)
	c := &cloud{Bucket: &s3test.Bucket{Name: "deploys", Policy: p}, dir: t.TempDir(), scratch: t.TempDir()}
	c.pointer, err = boot.New(boot.Config{Client: c.Bucket, Bucket: "deploys", Prefix: "boot/shop/", Host: c.host()})
	require.NoError(t, err)
	role := strings.NewReplacer("REGION", "eu-central-1", "ACCOUNT", "123456789012", "GROUP", "shop & co").Replace(string(instance))
	c.role, err = s3test.ParsePolicy([]byte(role), "deploys", "boot/shop/")
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /latest/api/token", func(w http.ResponseWriter, _ *http.Request) {
		c.tokens.Add(1)
		fmt.Fprint(w, "a-token")
	})
	mux.HandleFunc("GET /latest/meta-data/", c.metadata)
	mux.HandleFunc("GET /objects/", c.object)
	mux.HandleFunc("POST /scaling/", c.scaling)
	c.server = httptest.NewServer(mux)
	t.Cleanup(c.server.Close)
	return c
}

// host is what the fleet and its instances have in common.
func (c *cloud) host() host.Config {
	return host.Config{
		Root:    filepath.Join(c.dir, "it's a root"),
		Restart: []string{"sh", "-c", `printf '%s\n' "$1 $MUSTER_ARTIFACT" >>"$0"`, filepath.Join(c.dir, "restarts"), `number=7 it's; $(false)`},
		Check:   []string{"true"}, Probes: 1,
	}
}

func (c *cloud) metadata(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-aws-ec2-metadata-token") != "a-token" {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	switch strings.TrimPrefix(r.URL.Path, "/latest/meta-data/") {
	case "iam/security-credentials/":
		fmt.Fprint(w, "shop-role")
	case "iam/security-credentials/shop-role":
		fmt.Fprint(w, "{\n  \"AccessKeyId\" : \"AKIA1\",\n  \"SecretAccessKey\" : \"s3cr3t/+=\",\n  \"Token\" : \"t0ken/+==\"\n}")
	case "tags/instance/muster-boot":
		c.mu.Lock()
		tag := c.tag
		c.mu.Unlock()
		switch tag {
		case "":
			http.NotFound(w, r)
		case "broken":
			http.Error(w, "", http.StatusServiceUnavailable)
		default:
			fmt.Fprint(w, tag)
		}
	case "instance-id":
		fmt.Fprint(w, "i-00000001")
	default:
		http.NotFound(w, r)
	}
}

// signed says whether a request bears the signature of the instance's role.
func signed(r *http.Request, service string) bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIA1/") &&
		strings.Contains(r.Header.Get("Authorization"), "/eu-central-1/"+service+"/aws4_request") &&
		r.Header.Get("X-Amz-Security-Token") == "t0ken/+=="
}

// may says whether the role of the instance allows for what it asks.
func (c *cloud) may(action, resource string) bool {
	want := s3test.Permission{Action: action, Resource: resource}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used = append(c.used, s3test.Call{Permissions: []s3test.Permission{want}})
	return c.role.Allows(want)
}

func (c *cloud) object(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/objects/")
	if !signed(r, "s3") || !c.may("s3:GetObject", "arn:aws:s3:::deploys/"+key) {
		http.Error(w, "AccessDenied", http.StatusForbidden)
		return
	}
	c.mu.Lock()
	before := c.before
	c.mu.Unlock()
	if before != nil && before(key) {
		_, _ = io.WriteString(w, "something else")
		return
	}
	out, err := c.GetObject(r.Context(), &s3.GetObjectInput{Bucket: new("deploys"), Key: &key})
	if err != nil { // it may not list, so that it is not told what is not there
		http.Error(w, "AccessDenied", http.StatusForbidden)
		return
	}
	defer out.Body.Close()
	_, _ = io.Copy(w, out.Body)
}

func (c *cloud) scaling(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	if !signed(r, "autoscaling") || !c.may("autoscaling:"+r.PostForm.Get("Action"), "arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:1:autoScalingGroupName/"+r.PostForm.Get("AutoScalingGroupName")) {
		http.Error(w, "AccessDenied", http.StatusForbidden)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, r.PostForm.Encode())
}

// boot runs the user data, as an instance does when it starts. It ends before the
// instance would have given up.
func (c *cloud) boot(t *testing.T) (output string, err error) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skipf("not asked: %v", err)
	}
	text, err := c.pointer.UserData(boot.Instance{
		Region: "eu-central-1", Hook: "it's; up", Group: "shop & co",
		Objects: c.server.URL + "/objects", Scaling: c.server.URL + "/scaling", Metadata: c.server.URL,
	})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "user-data")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o700))
	cmd := exec.CommandContext(t.Context(), file)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + c.scratch}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (c *cloud) live(t *testing.T) string {
	t.Helper()
	link, err := os.Readlink(filepath.Join(c.dir, "it's a root", "current"))
	require.NoError(t, err)
	return "sha256:" + filepath.Base(link)
}

func artifact(n int) *build.Artifact {
	return buildtest.Artifact(map[string]string{"app*": fmt.Sprintf("#!/bin/sh\necho %d\n", n), "it's; $x": "quoted"})
}

func order(number uint64, n int) target.Order {
	return target.Order{Number: number, Intent: target.Again, Release: target.Release{ID: fmt.Sprintf("%d-abc", n), Digest: artifact(n).Digest}}
}

func (c *cloud) declare(t *testing.T, number uint64, n int) {
	t.Helper()
	require.NoError(t, c.pointer.Publish(t.Context(), artifact(n)))
	require.NoError(t, c.pointer.Declare(t.Context(), order(number, n)))
}
