package github

import (
	"slices"

	"github.com/muster-deploy/muster/pipeline"
)

// signal is what one status or check run says.
type signal struct {
	name    string
	verdict pipeline.Verdict
}

// judge makes one verdict of all signals: of those that are required, or of all. One
// that failed is the end; one that is missing or open is waited for.
func judge(signals []signal, required []string) pipeline.Verdict {
	verdict := pipeline.Passed
	if len(signals) == 0 {
		verdict = pipeline.Pending
	}
	for _, name := range required {
		if !slices.ContainsFunc(signals, func(s signal) bool { return s.name == name }) {
			verdict = pipeline.Pending
		}
	}
	for _, s := range signals {
		switch {
		case len(required) > 0 && !slices.Contains(required, s.name):
		case s.verdict == pipeline.Failed:
			return pipeline.Failed
		case s.verdict == pipeline.Pending:
			verdict = pipeline.Pending
		}
	}
	return verdict
}

// ofState is the verdict of a commit status. A state that nobody knows is not trusted.
func ofState(state string) pipeline.Verdict {
	switch state {
	case "success":
		return pipeline.Passed
	case "failure", "error":
		return pipeline.Failed
	}
	return pipeline.Pending
}

// ofRun is the verdict of a check run.
func ofRun(status, conclusion string) pipeline.Verdict {
	if status != "completed" {
		return pipeline.Pending
	}
	switch conclusion {
	case "success", "neutral", "skipped":
		return pipeline.Passed
	case "failure", "cancelled", "timed_out", "stale", "startup_failure":
		return pipeline.Failed
	}
	return pipeline.Pending // action_required, and what is not known yet
}
