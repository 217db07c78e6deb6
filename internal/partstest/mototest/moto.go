// Package mototest starts moto, an imitation of AWS's API, for tests with the SDK's real
// clients. It runs nothing and knows no time: commands are done at once, and targets
// healthy at once. What it is good for are shapes, filters, pages and errors.
package mototest

import (
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/muster-deploy/muster/internal/partstest"
	"github.com/muster-deploy/muster/internal/partstest/servertest"
)

// Start starts moto for one test and returns how its clients find it.
func Start(t testing.TB) aws.Config {
	t.Helper()
	dir := partstest.Dir(t, "moto")
	address := servertest.Start(t, func(port string) []string {
		return []string{filepath.Join(dir, "venv/bin/python"), filepath.Join(dir, "venv/bin/moto_server"), "-H", "127.0.0.1", "-p", port}
	})
	return aws.Config{
		Region: "eu-central-1", BaseEndpoint: new("http://" + address),
		Credentials: credentials.NewStaticCredentialsProvider("me", "mine", ""),
	}
}
