package boot_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/s3store/s3test"
)

// put writes an object by hand.
func put(t *testing.T, b *s3test.Bucket, key, text string) {
	t.Helper()
	_, err := b.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("deploys"), Key: &key, Body: strings.NewReader(text)})
	require.NoError(t, err)
}
