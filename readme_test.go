package muster_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheReadmeShowsTheDeployerThatCompiles(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("examples/deployer/main.go")
	require.NoError(t, err)
	_, main, found := strings.Cut(string(source), "func main() {")
	require.True(t, found)
	assert.Contains(t, string(readme), strings.TrimSpace("func main() {"+main), "copy it again")
}

func TestTheReadmeQuotesWhatTheCommandsSay(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	story, err := os.ReadFile("pipeline/command/testdata/story.txt")
	require.NoError(t, err)
	_, quotes, found := strings.Cut(string(readme), "```\n$ ")
	require.True(t, found)
	quotes, _, _ = strings.Cut("$ "+quotes, "\n```")
	for _, quote := range strings.Split(quotes, "\n\n") {
		assert.Contains(t, string(story), quote+"\n\n", "copy it again")
	}
}
