package selfdeploy

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
)

func newJudge() *judge {
	return &judge{Config: Config{}.filled(), began: time.Now(), well: time.Now()}
}

// over asks for a verdict every five seconds, for so long or until there is one.
func over(j *judge, d time.Duration, ill string, blameless bool) string {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(5 * time.Second) {
		if why := j.verdict(ill, blameless); why != "" {
			return why
		}
	}
	return ""
}

func TestSicknessIsBorneForAsLongAsPatienceLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge()
		require.Empty(t, over(j, DefaultPatience, "no lease", false))
		require.Empty(t, over(j, time.Minute, "", false), "it got well just in time")
		began := time.Now()
		require.Contains(t, over(j, time.Hour, "no lease", false), "no lease")
		require.InDelta(t, DefaultPatience, time.Since(began), float64(11*time.Second))
	})
}

func TestNobodyIsBlamedForWhatTheOlderVersionCannotDoEither(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge()
		require.Empty(t, over(j, DefaultLimit-time.Minute, "the repository is down", true))
		require.NotEmpty(t, over(j, DefaultPatience+time.Minute, "still", false))
	})
}

func TestCrashesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge()
		for range DefaultCrashes {
			j.crashed(errors.New("exit status 2"))
			require.Empty(t, j.verdict("it does not run", false))
		}
		j.crashed(nil)
		require.Contains(t, j.verdict("", true), "3 times: exit status 0")
	})
}

func TestAHeldDeployHasMoreTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJudge()
		require.Empty(t, over(j, DefaultLimit/2, "", false))
		j.status.Reason.Code = pipeline.CodeHeld
		require.Empty(t, over(j, 100*time.Hour, "", false))
		j.status.Reason.Code = pipeline.CodeWaiting
		require.Empty(t, over(j, DefaultLimit/2-time.Minute, "", false))
		require.Contains(t, over(j, 2*time.Minute, "", false), "not declared live within 1h0m0s")
	})
}

func TestOnlyAnAnswerOfTheReleaseIsWell(t *testing.T) {
	answer := func(status int, name, text string) *http.Response {
		return &http.Response{StatusCode: status, Header: http.Header{"Muster-Artifact": {name}}, Body: io.NopCloser(strings.NewReader(text))}
	}
	require.Empty(t, wellness(answer(200, "sha256:3", "able"), "sha256:3"))
	require.Contains(t, wellness(answer(200, "sha256:2", "able"), "sha256:3"), `"sha256:2"`)
	require.Equal(t, "nobody renews", wellness(answer(503, "sha256:3", "nobody renews\n"), "sha256:3"))
}
