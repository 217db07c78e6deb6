//go:build integration

package ec2target_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/internal/partstest"
	"github.com/muster-deploy/muster/internal/partstest/mototest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/ec2test"
	"github.com/muster-deploy/muster/target/ec2target/runcommand"
	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/host/recipe"
)

// parameterStore is the Parameter Store of moto behind what an instance's role may do.
type parameterStore struct {
	client *ssm.Client
	proxy  *httputil.ReverseProxy
	cloud  *ec2test.Cloud

	mu      sync.Mutex
	deny    bool
	by      []string // whose role asked, once for each page
	foreign int      // requests that are signed by no instance's role
}

// ServeHTTP lets through what a role may do: to list parameters.
func (s *parameterStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	id, deny := s.cloud.Signed(r, "ssm"), s.deny
	if id == "" || r.Header.Get("X-Amz-Target") != "AmazonSSM.GetParametersByPath" {
		s.foreign++
		deny = true
	}
	s.by = append(s.by, id)
	s.mu.Unlock()
	if deny {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"AccessDeniedException","Message":"User: role is not authorized to perform: ssm:GetParametersByPath"}`)
		return
	}
	s.proxy.ServeHTTP(w, r)
}

func (s *parameterStore) put(t *testing.T, kind types.ParameterType, name, value string) {
	t.Helper()
	_, err := s.client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: &name, Value: &value, Type: kind, Overwrite: new(true)})
	require.NoError(t, err)
}

// configured is one instance of a fleet whose settings are in that store, and all that
// could give them away.
type configured struct {
	*shells
	*parameterStore
	id   string
	wire overheard
}

// overheard is what went over the wire to an instance and back, taken apart.
type overheard struct {
	*ec2test.Cloud
	mu   sync.Mutex
	text strings.Builder
}

func (o *overheard) keep(v any) {
	text, _ := json.Marshal(v)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(text)
}

func (o *overheard) SendCommand(ctx context.Context, in *ssm.SendCommandInput, f ...func(*ssm.Options)) (*ssm.SendCommandOutput, error) {
	o.keep(in)
	_, packed, _ := strings.Cut(in.Parameters["commands"][0], "printf %s ")
	packed, _, _ = strings.Cut(packed, " ")
	unpack := exec.CommandContext(ctx, "sh", "-c", "base64 -d | gzip -dc")
	unpack.Stdin = strings.NewReader(packed)
	script, err := unpack.Output()
	if err != nil {
		return nil, err
	}
	o.keep(string(script))
	return o.Cloud.SendCommand(ctx, in, f...)
}

func (o *overheard) ListCommandInvocations(ctx context.Context, in *ssm.ListCommandInvocationsInput, f ...func(*ssm.Options)) (*ssm.ListCommandInvocationsOutput, error) {
	out, err := o.Cloud.ListCommandInvocations(ctx, in, f...)
	o.keep(out)
	return out, err
}

// newConfigured launches the instance. Its tools tell of all processes of the machine
// when they are run.
func newConfigured(t *testing.T) *configured {
	t.Helper()
	c := &configured{shells: newShells(t, ec2test.Config{}, 1)}
	c.id = c.ids[0]
	c.wire.Cloud = c.shells.Cloud
	moto := mototest.Start(t)
	at, err := url.Parse(*moto.BaseEndpoint)
	require.NoError(t, err)
	c.parameterStore = &parameterStore{client: ssm.NewFromConfig(moto), cloud: c.shells.Cloud, proxy: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(at) }}}
	store, metadata := httptest.NewServer(c.parameterStore), httptest.NewServer(c.shells.Cloud)
	t.Cleanup(store.Close)
	t.Cleanup(metadata.Close)

	tools := t.TempDir()
	path := os.Getenv("PATH")
	for _, tool := range []string{"awk", "grep", "mv", "aws"} {
		real, err := exec.LookPath(tool)
		if tool == "aws" {
			real, err = filepath.Join(partstest.Dir(t, "aws"), "venv/bin/aws"), nil
		}
		require.NoError(t, err)
		text := fmt.Sprintf("#!/bin/sh\ncat /proc/[0-9]*/cmdline >>'%s' 2>/dev/null\nexec '%s' \"$@\"\n", c.processes(), real)
		require.NoError(t, os.WriteFile(filepath.Join(tools, tool), []byte(text), 0o755))
	}
	c.Launch(ec2test.Instance{ID: c.id, Tags: tags, Machine: &ec2test.Shell{Dir: c.path(c.id), Env: []string{
		"PATH=" + tools + ":" + path, "MUSTER_INSTANCE=" + c.id,
		"AWS_ENDPOINT_URL_SSM=" + store.URL, "AWS_EC2_METADATA_SERVICE_ENDPOINT=" + metadata.URL + "/metadata/" + c.id + "/",
	}}})
	sender, err := runcommand.New(runcommand.Config{Client: &c.wire, Calls: c.calls, First: 1, Poll: 10e6, Gather: 1})
	require.NoError(t, err)
	c.c.Reach = func(i ec2target.Instance) host.Transport { return sender.Instance(i.ID) }
	c.c.Host.Parameters = host.Parameters{Path: "/shop/production", Region: "eu-central-1", File: "config/env", Required: []string{"DATABASE_URL"}}
	return c
}

func (c *configured) processes() string { return filepath.Join(c.dir, "processes") }

func (c *configured) file() string { return c.path(c.id, "app", "shared", "config", "env") }

// load is what an app gets that a recipe starts with these settings.
func (c *configured) load(t *testing.T, name string) string {
	t.Helper()
	words := recipe.With("config/env", "sh", "-c", `eval "printf '%s.' \"\$$1\""`, "sh", name)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = c.path(c.id, "app", "current") + "/"
	dir, err := filepath.EvalSymlinks(cmd.Dir)
	require.NoError(t, err)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return strings.TrimSuffix(string(out), ".")
}

// hush is in each secret, and in the command line of no other test that runs meanwhile.
var hush = "hush" + strconv.FormatUint(rand.Uint64(), 36)

// secrets are what people put into a store.
func secrets() map[string]string {
	all := map[string]string{
		"DATABASE_URL": `pg://u:hush$HOME@db/x?a='b'&c="d"`, "LINES": "hush\ntwo\n\nfour\n", "DASH": "-hush --with", "SPACES": "  hush  two ",
		"QUOTES": `hush"'` + "`id`" + `$(id)\`, "BIG": strings.Repeat(hush+" \"$x\\\n", 409)[:4096], "JSON": `{"hush": ["a", "\n"]}`, "SSM": "hush {{ssm:/x}} %s",
	}
	for i := range 21 {
		all[fmt.Sprintf("MORE_%02d", i)] = fmt.Sprint("hush ", i)
	}
	for name, value := range all {
		if name != "BIG" {
			all[name] = strings.ReplaceAll(value, "hush", hush)
		}
	}
	return all
}

func TestRealAWSFetchesParametersByTheRoleOfTheInstance(t *testing.T) {
	c := newConfigured(t)
	for name, value := range secrets() {
		kind := types.ParameterTypeSecureString
		if strings.HasPrefix(name, "MORE_1") {
			kind = types.ParameterTypeString
		}
		c.put(t, kind, "/shop/production/"+name, value)
	}
	c.put(t, types.ParameterTypeSecureString, "/shop/production/deeper/NESTED", hush)
	c.put(t, types.ParameterTypeSecureString, "/shop/production2/OTHER", hush)
	web, err := c.Open()
	require.NoError(t, err)
	require.NoError(t, c.ship(t, web, 1, 1))
	for name, value := range secrets() {
		assert.Equal(t, value, c.load(t, name), name)
	}
	for _, name := range []string{"NESTED", "OTHER"} {
		assert.Empty(t, c.load(t, name), name)
	}
	info, err := os.Stat(c.file())
	require.NoError(t, err)
	assert.EqualValues(t, 0o600, info.Mode().Perm())
	assert.Equal(t, []string{c.id, c.id, c.id}, c.by, "three pages of ten, by its own role, and nobody else asks")
	assert.Zero(t, c.foreign)
	c.nowhereElse(t)
}

// nowhereElse holds all that could give a secret away against the word that is in each.
func (c *configured) nowhereElse(t *testing.T) {
	t.Helper()
	processes, err := os.ReadFile(c.processes())
	require.NoError(t, err)
	assert.Contains(t, string(processes), "get-parameters-by-path", "this is how processes are seen")
	assert.NotContains(t, string(processes), hush)
	sent := c.wire.text.String()
	assert.Contains(t, sent, "parameters=/shop/production", "this is how commands are seen")
	assert.NotContains(t, sent, hush)
	found, err := exec.Command("grep", "-rl", hush, c.dir).Output()
	require.NoError(t, err)
	assert.Equal(t, c.file()+"\n", string(found), "neither in the release nor in a log")
}

func TestRealAWSThatRefusesIsToldOfByThePathAndNoValue(t *testing.T) {
	c := newConfigured(t)
	c.put(t, types.ParameterTypeSecureString, "/shop/production/DATABASE_URL", hush)
	web, err := c.Open()
	require.NoError(t, err)
	require.NoError(t, c.ship(t, web, 1, 1))
	number := uint64(1)
	refused := func(want ...string) {
		t.Helper()
		number++
		err := web.Prepare(t.Context(), c.order(number, 2), c.Artifact(2))
		var unit *target.UnitError
		require.ErrorAs(t, err, &unit)
		assert.Equal(t, c.id, unit.Unit)
		var f *host.Failure
		require.ErrorAs(t, err, &f)
		assert.Equal(t, "settings", f.Phase)
		assert.Equal(t, host.Untouched, f.Back)
		for _, text := range append(want, "/shop/production") {
			assert.ErrorContains(t, err, text)
		}
		assert.NotContains(t, err.Error(), hush)
		t.Log(err)
	}
	c.deny = true
	refused("AccessDeniedException", "not authorized to perform: ssm:GetParametersByPath", "the role of this host needs")
	c.deny = false
	_, err = c.client.DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: new("/shop/production/DATABASE_URL")})
	require.NoError(t, err)
	refused("there are none")
	c.put(t, types.ParameterTypeSecureString, "/shop/production/OTHER", hush+"\nDATABASE_URL="+hush)
	refused("the parameter /shop/production/DATABASE_URL is missing")
	c.put(t, types.ParameterTypeSecureString, "/shop/production/no-setting", hush)
	refused("no-setting has a name that no setting can have")
	assert.Equal(t, hush, c.load(t, "DATABASE_URL"), "what was there stays")
	c.nowhereElse(t)

	c.c.Host.Parameters.Region = ""
	web, err = c.Open()
	require.NoError(t, err)
	refused("specify a region")
}
