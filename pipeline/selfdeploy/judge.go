package selfdeploy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

// judge decides whether a new deployer is to be borne any longer. It is pure but for
// the clock.
type judge struct {
	Config
	began   time.Time // when it was started; holds push it back
	well    time.Time // when it was able last, or could not be blamed
	looked  time.Time
	crashes int
	last    error // of the last crash
	status  pipeline.Status
}

// crashed counts an end that nobody ordered.
func (j *judge) crashed(err error) { j.crashes, j.last = j.crashes+1, err }

// verdict says why it is to be rolled back, or nothing. Ill is what is wrong with it
// now; blameless that its predecessor could do no better.
func (j *judge) verdict(ill string, blameless bool) string {
	now := time.Now()
	if j.status.Reason.Code == pipeline.CodeHeld && !j.looked.IsZero() {
		j.began = j.began.Add(now.Sub(j.looked)) // people's time is not its own
	}
	j.looked = now
	if ill == "" || blameless {
		j.well = now
	}
	switch {
	case j.crashes > j.Crashes:
		return fmt.Sprintf("it ended by itself %d times: %v", j.crashes, orNothing(j.last))
	case now.Sub(j.well) > j.Patience:
		return fmt.Sprintf("for %s: %s", j.Patience, ill)
	case now.Sub(j.began) > j.Limit:
		return fmt.Sprintf("it was not declared live within %s", j.Limit)
	}
	return ""
}

// orNothing says what a process that ended said, which may be nothing.
func orNothing(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// wellness reads the answer to a health check: nothing is well.
func wellness(resp *http.Response, digest string) string {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
	switch name := resp.Header.Get("Muster-Artifact"); {
	case resp.StatusCode != http.StatusOK:
		return strings.TrimSpace(string(text))
	case name != digest:
		return fmt.Sprintf("another release answers: %q", name)
	}
	return ""
}
