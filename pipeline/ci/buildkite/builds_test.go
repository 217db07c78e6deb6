package buildkite_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/ci/buildkite"
	"github.com/muster-deploy/muster/pipeline/ci/buildkite/buildkitetest"
)

func token(context.Context) (string, error) { return buildkitetest.Token, nil }

func newBuilds(t testing.TB, tune ...func(*buildkite.Config)) (*buildkitetest.Server, *buildkite.Builds) {
	t.Helper()
	kite := buildkitetest.New()
	c := buildkite.Config{Organization: "acme", Pipeline: "web", Token: token, BaseURL: buildkitetest.URL, Client: kite.Client()}
	for _, f := range tune {
		f(&c)
	}
	b, err := buildkite.New(c)
	require.NoError(t, err)
	return kite, b
}

func commit(n int) string { return fmt.Sprintf("%040x", n) }

func verdict(t testing.TB, b *buildkite.Builds, revision string) pipeline.Verdict {
	t.Helper()
	verdicts, err := b.Verdicts(t.Context(), []string{revision})
	require.NoError(t, err)
	return verdicts[revision]
}

func TestStates(t *testing.T) {
	t.Parallel()
	kite, b := newBuilds(t)
	require.Equal(t, pipeline.Pending, verdict(t, b, commit(1)), "without a build")
	number := kite.Build(commit(1), "main", "scheduled")
	for state, want := range map[string]pipeline.Verdict{
		"scheduled": pipeline.Pending, "running": pipeline.Pending, "failing": pipeline.Pending, "creating": pipeline.Pending,
		"passed": pipeline.Passed, "failed": pipeline.Failed, "canceled": pipeline.Failed, "canceling": pipeline.Pending,
		"blocked": pipeline.Pending, "skipped": pipeline.Pending, "not_run": pipeline.Pending, "of the future": pipeline.Pending,
	} {
		kite.Set(number, state)
		require.Equal(t, want, verdict(t, b, commit(1)), state)
	}
	kite, b = newBuilds(t, func(c *buildkite.Config) { c.Blocked = pipeline.Passed })
	kite.Build(commit(1), "main", "blocked")
	require.Equal(t, pipeline.Passed, verdict(t, b, commit(1)))
}

func TestTheNewestBuildDecides(t *testing.T) {
	t.Parallel()
	kite, b := newBuilds(t)
	kite.Build(commit(1), "main", "failed")
	require.Equal(t, pipeline.Failed, verdict(t, b, commit(1)))
	again := kite.Build(commit(1), "main", "running")
	require.Equal(t, pipeline.Pending, verdict(t, b, commit(1)))
	kite.Set(again, "passed")
	require.Equal(t, pipeline.Passed, verdict(t, b, commit(1)))
	kite.Build(commit(1), "topic", "failed")
	require.Equal(t, pipeline.Failed, verdict(t, b, commit(1)))
	only, err := buildkite.New(buildkite.Config{
		Organization: "acme", Pipeline: "web", Branch: "main", Token: token, BaseURL: buildkitetest.URL, Client: kite.Client(),
	})
	require.NoError(t, err)
	require.Equal(t, pipeline.Passed, verdict(t, only, commit(1)))
}

func TestManyCommitsTakeFewRequestsAndAllPages(t *testing.T) {
	t.Parallel()
	kite, b := newBuilds(t)
	var revisions []string
	for i := range 120 {
		revisions = append(revisions, commit(i+1))
	}
	for range 3 {
		for _, r := range revisions {
			kite.Build(r, "main", "passed")
		}
	}
	kite.Build(commit(1), "main", "failed")
	for range 150 {
		kite.Build(commit(2), "main", "passed") // somebody tries the same again and again
	}
	verdicts, err := b.Verdicts(t.Context(), append(revisions, commit(999), "--x"))
	require.NoError(t, err)
	require.Len(t, verdicts, 120)
	require.Equal(t, pipeline.Failed, verdicts[commit(1)])
	require.LessOrEqual(t, kite.Calls(), 8)
}

func TestErrorsSayWhatToDoAndTeachNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kite, b := newBuilds(t)
		kite.Build(commit(1), "main", "passed")
		ask := func() error {
			verdicts, err := b.Verdicts(t.Context(), []string{commit(1)})
			if err != nil {
				require.Nil(t, verdicts)
				require.NotContains(t, err.Error(), buildkitetest.Token)
			}
			return err
		}
		kite.SetToken("another")
		require.ErrorContains(t, ask(), "read_builds")
		kite.SetToken(buildkitetest.Token)
		bad := buildkitetest.Fault{Status: http.StatusBadGateway}
		kite.Fail(bad, bad)
		require.NoError(t, ask(), "the third try")
		kite.Fail(bad, bad, bad)
		require.ErrorContains(t, ask(), "502")
		kite.Fail(buildkitetest.Fault{Status: 200, Body: `[{"number":1,`})
		require.Error(t, ask())
		kite.Fail(buildkitetest.Fault{Status: 404})
		require.ErrorContains(t, ask(), "slugs")
		kite.Fail(buildkitetest.Fault{Status: 403})
		require.ErrorContains(t, ask(), "scope")

		kite.Fail(buildkitetest.Fault{Status: 429, Header: http.Header{"Ratelimit-Reset": {"30"}}})
		var limit *buildkite.LimitError
		require.ErrorAs(t, ask(), &limit)
		calls := kite.Calls()
		time.Sleep(29 * time.Second)
		require.ErrorAs(t, ask(), &limit)
		require.Equal(t, calls, kite.Calls())
		time.Sleep(time.Second)
		require.NoError(t, ask())
	})
}

func TestAConfigThatCannotWork(t *testing.T) {
	t.Parallel()
	_, err := buildkite.New(buildkite.Config{Organization: "a/b", Pipeline: "..", BaseURL: "http://example.com", Blocked: "x", Timeout: -1})
	for _, what := range []string{"Organization", "Pipeline", "Token", "BaseURL", "Blocked", "Timeout"} {
		require.ErrorContains(t, err, what)
	}
}

func TestWebhooksWakeWhenABuildHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kite, _ := newBuilds(t)
		var woken atomic.Int64
		hook, err := buildkite.NewWebhook("secret", func() { woken.Add(1) })
		require.NoError(t, err)
		number := kite.Build(commit(1), "main", "passed")
		send := func(r *http.Request) int {
			w := httptest.NewRecorder()
			hook.ServeHTTP(w, r)
			return w.Code
		}
		make := func(secret, event string) *http.Request { return kite.Webhook("/", secret, event, number) }
		require.Equal(t, http.StatusOK, send(make("secret", "build.running")))
		require.Zero(t, woken.Load())
		require.Equal(t, http.StatusOK, send(make("secret", "build.finished")))
		require.EqualValues(t, 1, woken.Load())

		r := make("secret", "build.finished")
		r.Body = io.NopCloser(strings.NewReader("{}"))
		require.Equal(t, http.StatusUnauthorized, send(r))
		require.Equal(t, http.StatusUnauthorized, send(make("guessed", "build.finished")))
		old := make("secret", "build.finished")
		time.Sleep(6 * time.Minute)
		require.Equal(t, http.StatusUnauthorized, send(old), "replayed")
		for _, header := range []string{"", "timestamp=,signature=", "timestamp=x,signature=zz", fmt.Sprintf("timestamp=%d,signature=", time.Now().Unix())} {
			r := make("secret", "build.finished")
			r.Header.Set("X-Buildkite-Signature", header)
			require.Equal(t, http.StatusUnauthorized, send(r), header)
		}
		r = make("secret", "build.finished")
		r.ContentLength = 100 << 20
		require.Equal(t, http.StatusRequestEntityTooLarge, send(r))
		r = make("secret", "build.finished")
		r.ContentLength, r.Body = -1, io.NopCloser(strings.NewReader(strings.Repeat(" ", 6<<20)))
		require.Equal(t, http.StatusRequestEntityTooLarge, send(r))
		r = make("secret", "build.finished")
		r.Method = http.MethodGet
		require.Equal(t, http.StatusMethodNotAllowed, send(r))
		require.EqualValues(t, 1, woken.Load())
		_, err = buildkite.NewWebhook("")
		require.Error(t, err)
	})
}

func FuzzSignature(f *testing.F) {
	f.Add("timestamp=1,signature=00")
	f.Add(",,=,timestamp")
	hook, err := buildkite.NewWebhook("secret", func() { panic("woken") })
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
		r.Header["X-Buildkite-Signature"] = []string{header}
		r.Header.Set("X-Buildkite-Event", "build.finished")
		w := httptest.NewRecorder()
		hook.ServeHTTP(w, r)
		require.Equal(t, http.StatusUnauthorized, w.Code)
	})
}
