//go:build integration

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/internal/partstest/browsertest"
	"github.com/muster-deploy/muster/internal/partstest/s3servertest"
	"github.com/muster-deploy/muster/internal/partstest/teamtest"
)

// site is a bucket that is served as a website.
type site struct {
	client *s3.Client
	bucket string
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/")
	if key == "" {
		key = "index.html"
	}
	out, err := s.client.GetObject(r.Context(), &s3.GetObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	defer out.Body.Close()
	w.Header().Set("Content-Type", *out.ContentType)
	w.Header().Set("Cache-Control", *out.CacheControl)
	_, _ = io.Copy(w, out.Body) // The browser may have gone away.
}

// keys lists the bucket, but for the pointer.
func (s *site) keys(t *testing.T) (all []string) {
	t.Helper()
	out, err := s.client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &s.bucket})
	require.NoError(t, err)
	for _, o := range out.Contents {
		if *o.Key == "current.json" {
			continue
		}
		all = append(all, *o.Key)
	}
	return all
}

// newTeam has an app, two buckets, and the deployer of this example.
func newTeam(t *testing.T) (*teamtest.Team, *site) {
	t.Helper()
	m, server := teamtest.NewEmber(t), s3servertest.Start(t)
	s := &site{client: server.Client(), bucket: server.Bucket(t)}
	keys, err := server.Config().Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	m.Built("AWS_ENDPOINT_URL="+server.Endpoint, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID="+keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+keys.SecretAccessKey,
		"BUCKET="+s.bucket, "DEPLOYS_BUCKET="+server.Bucket(t))
	return m, s
}

// From git to a bucket, with a hold, a rollback and a resume: what a team does, by the
// commands that it types.
func TestRealEmberAppGoesFromGitToABucket(t *testing.T) {
	m, s := newTeam(t)
	front := httptest.NewServer(s)
	t.Cleanup(front.Close)
	sees := func(text string) {
		t.Helper()
		assert.Contains(t, browsertest.DOM(t, front.URL), ">402 "+text+"</h1>")
	}
	// commit lets the app's page say something else.
	commit := func(text string) string {
		m.Write("app/templates/application.gjs", `<template><h1 id="said">{{40}}2 `+text+"</h1></template>\n")
		return m.Commit()
	}
	first := commit("first")
	m.Run()
	m.Live(first)
	sees("first")

	m.Type("hold", "-reason", "the fair is open")
	second := commit("second")
	m.Waits(second, "the fair is open")
	assert.Equal(t, first, m.Status().Live.Revision)
	m.Type("unhold", m.Status().Holds[0].ID)
	m.Live(second)
	sees("second")

	before := s.keys(t)
	m.Type("rollback", "-yes", "-wait", "-reason", "the second is broken")
	m.Live(first)
	sees("first")
	assert.Equal(t, before, s.keys(t), "a rollback adds no object")
	third := commit("third")
	m.Waits(third, "the second is broken")
	assert.Equal(t, first, m.Status().Live.Revision)
	m.Type("resume", "-from", third, "-reason", "fixed")
	m.Live(third)
	sees("third")
}
