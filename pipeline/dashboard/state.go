package dashboard

import (
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
)

// state is a pipeline at a glance: a word and a mark for the eye. The mark has a shape
// and a colour, and means nothing that the word does not say.
type state struct {
	Word string
	Mark string // "fine", "busy", "wait", "held", "halt" or "bad"
	// Look says that somebody should: it will not go on by itself.
	Look bool
}

var (
	fine        = state{Word: "Up to date", Mark: "fine"}
	deploying   = state{Word: "Deploying", Mark: "busy"}
	rollingBack = state{Word: "Rolling back", Mark: "halt", Look: true}
	stopped     = state{Word: "Stopped", Mark: "halt", Look: true}
	held        = state{Word: "Held", Mark: "held"}
	unreadable  = state{Word: "Not readable", Mark: "bad", Look: true}
	unread      = state{Word: "Being read", Mark: "wait"}
)

// states are those that a reason alone decides.
var states = map[pipeline.Code]state{
	pipeline.CodeIdle: fine, pipeline.CodeLive: fine, pipeline.CodeShipped: fine,
	pipeline.CodeDeploying: deploying, pipeline.CodeRollingBack: rollingBack,
	pipeline.CodeNext: {Word: "Next", Mark: "busy"}, pipeline.CodeBatched: {Word: "Next", Mark: "busy"},
	pipeline.CodePending: {Word: "Waits for CI", Mark: "wait"},
	pipeline.CodeWaiting: {Word: "Waiting", Mark: "wait"}, pipeline.CodeBelowFloor: {Word: "Waiting", Mark: "wait"},
	pipeline.CodeFailed: {Word: "CI failed", Mark: "bad", Look: true},
	pipeline.CodeHeld:   held, pipeline.CodeStopped: stopped, pipeline.CodeQuarantined: stopped,
	pipeline.CodeParked: {Word: "Failed", Mark: "bad", Look: true},
	pipeline.CodeBehind: {Word: "Behind", Mark: "bad", Look: true}, pipeline.CodeDiverged: {Word: "Diverged", Mark: "bad", Look: true},
	pipeline.CodeRewritten:   {Word: "Rewritten", Mark: "bad", Look: true},
	pipeline.CodeUnreachable: {Word: "No answer", Mark: "bad", Look: true},
	pipeline.CodeAlarm:       {Word: "Alarm", Mark: "bad", Look: true},
	pipeline.CodeUnknown:     {Word: "New", Mark: "wait"},
}

// stateOf is the state of a pipeline.
func stateOf(v view) state {
	s := v.status
	switch {
	case v.err != nil:
		return unreadable
	case v.read.IsZero():
		return unread
	case s.Open != nil && s.Open.Kind == pipeline.KindRollback:
		return rollingBack
	case s.Stop != nil:
		return stopped
	case len(s.Holds) > 0 && s.Reason.Code != pipeline.CodeDeploying && s.Reason.Code != pipeline.CodeAlarm:
		return held
	}
	st, known := states[s.Reason.Code]
	if !known {
		st = state{Word: words.Capital(string(s.Reason.Code)), Mark: "wait"}
	}
	return st
}

// sentence says why the pipeline is or is not deploying, as the command line does.
func sentence(v view) string {
	switch {
	case v.err != nil:
		return "its record cannot be read: " + words.Clean(v.err.Error())
	case v.read.IsZero():
		return "its record is being read"
	}
	text := words.Clean(v.status.Reason.Sentence)
	if holds := v.status.Holds; len(holds) > 0 && v.status.Reason.Hold == nil && v.status.Open == nil && v.status.Stop == nil {
		text += "; " + words.Clean(holds[0].String())
	}
	return text
}
