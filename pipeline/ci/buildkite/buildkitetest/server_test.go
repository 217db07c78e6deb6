package buildkitetest_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline/ci/buildkite/buildkitetest"
)

// list asks for builds and returns the status and their numbers.
func list(t *testing.T, s *buildkitetest.Server, token, query string) (int, []int) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, buildkitetest.URL+"/v2/organizations/acme/pipelines/web/builds?"+query, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := s.Client().Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return answer.StatusCode, nil
	}
	var builds []buildkitetest.Build
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&builds))
	var numbers []int
	for _, b := range builds {
		numbers = append(numbers, b.Number)
	}
	return answer.StatusCode, numbers
}

func TestBuildsAreListedNewestFirstInPagesAndByCommitAndBranch(t *testing.T) {
	t.Parallel()
	s := buildkitetest.New()
	for i := range 5 {
		s.Build([]string{"a", "b"}[i%2], []string{"main", "topic"}[i%2], "passed")
	}
	for query, want := range map[string][]int{
		"": {5, 4, 3, 2, 1}, "commit[]=a": {5, 3, 1}, "commit[]=a&commit[]=b": {5, 4, 3, 2, 1}, "branch=topic": {4, 2},
		"per_page=2": {5, 4}, "per_page=2&page=3": {1}, "per_page=2&page=4": nil, "per_page=x&page=-1": {5, 4, 3, 2, 1},
	} {
		status, got := list(t, s, buildkitetest.Token, query)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, want, got, query)
	}
	status, _ := list(t, s, "x", "")
	require.Equal(t, http.StatusUnauthorized, status)
	s.Fail(buildkitetest.Fault{Status: 502})
	status, _ = list(t, s, buildkitetest.Token, "")
	require.Equal(t, http.StatusBadGateway, status)
	require.Equal(t, 10, s.Calls())
}

func TestWebhooksAreSignedWithTheirTime(t *testing.T) {
	t.Parallel()
	s := buildkitetest.New()
	r := s.Webhook("https://deployer.test/", "secret", "build.finished", s.Build("a", "main", "passed"))
	require.Equal(t, "build.finished", r.Header.Get("X-Buildkite-Event"))
	require.Contains(t, r.Header.Get("X-Buildkite-Signature"), "timestamp=")
	at := time.Unix(1619071700, 0)
	require.Equal(t, buildkitetest.Sign("s", []byte("{}"), at), buildkitetest.Sign("s", []byte("{}"), at))
	require.NotEqual(t, buildkitetest.Sign("s", []byte("{}"), at), buildkitetest.Sign("s", []byte("{}"), at.Add(time.Second)))
	require.NotEqual(t, buildkitetest.Sign("s", []byte("{}"), at), buildkitetest.Sign("t", []byte("{}"), at))
}
