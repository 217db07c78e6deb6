package words

import (
	"fmt"
	"strings"
	"time"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
)

// Hold says a hold, after "held": by whom, why, until when in the given zone, and on
// what, where that is more than deploys.
func Hold(h lock.Hold, zone *time.Location) string {
	text := Say("by %s: %q", h.By, Clean(h.Reason))
	if !h.Until.IsZero() {
		text += " until " + Until(h.Until.In(zone))
	}
	if h.Level == lock.Everything {
		text += ", rollbacks too"
	}
	return text
}

// Scope says what a hold of that scope covers.
func Scope(s lock.Scope) string {
	if prefix, ok := strings.CutPrefix(string(s), "prefix:"); ok {
		return "all pipelines whose names begin with " + prefix
	}
	if name, ok := strings.CutPrefix(string(s), "pipeline:"); ok {
		return "deploys of " + name
	}
	return "all pipelines of this store"
}

// Condition is a condition in a sentence.
func Condition(k target.Condition) string {
	if k == target.Unknown {
		return "not answering"
	}
	return string(k)
}

// Unit says what is wrong with a unit.
func Unit(u target.Unit) string {
	switch {
	case u.Problem != "":
		return Say("%s is %s: %s", u.Name, Condition(u.Condition), u.Problem)
	case u.Condition == target.Serving:
		return Say("%s serves something else", u.Name)
	}
	return Say("%s is %s", u.Name, Condition(u.Condition))
}

// Target says how far a deploy is on the target of that name.
func Target(name string, t pipeline.TargetProgress) string {
	text := fmt.Sprintf("%s batch %d of %d", name, t.Batch, t.Batches)
	if t.Done {
		text = name + " is done"
	}
	if n := len(t.Failed); n > 0 {
		text += fmt.Sprintf(", %s failed: %s, %s", Count(n, "unit"), t.Failed[0].Name, t.Failed[0].Problem)
	}
	return text
}

// Undone is the release that a rollback undoes, or what stands for it.
func Undone(o *pipeline.Attempt) string {
	if o.From == nil {
		return "the first release"
	}
	return o.From.ID
}

// NeverRan is the reason of a pipeline of which nothing is recorded.
const NeverRan = "nothing was ever recorded: no deployer has run yet, or the name is misspelt"
