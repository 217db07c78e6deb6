package metrics_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// source is the file with the package's documentation.
func source(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	return string(text)
}
