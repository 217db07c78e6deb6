package main

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAFleetInTheCloudIsSetUpByTheEnvironment(t *testing.T) {
	c := &cloud{aws: aws.Config{Region: "eu-west-1"}}
	t.Setenv("DEPLOYS_BUCKET", "acme-deploys")
	t.Setenv("JAVA_GROUP", "")
	_, err := c.fleet("java-production", "JAVA_", javaHost)
	assert.ErrorContains(t, err, "JAVA_GROUP is not set")

	t.Setenv("JAVA_GROUP", "java")
	t.Setenv("JAVA_TARGET_GROUP", "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/java/0123456789abcdef")
	f, err := c.fleet("java-production", "JAVA_", javaHost)
	require.NoError(t, err)
	assert.Equal(t, "java-production", f.Name())
	_, err = c.fleet("rails-production", "JAVA_", railsHost)
	assert.NoError(t, err)
}
