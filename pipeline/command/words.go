package command

import (
	"fmt"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/target"
)

// sayHold says a hold: by whom, why, until when, and on what, where that is more
// than deploys.
func sayHold(c *call, h lock.Hold) string {
	text := say("by %s: %q", h.By, clean(h.Reason))
	if !h.Until.IsZero() {
		text += " until " + c.until(h.Until)
	}
	if h.Level == lock.Everything {
		text += ", rollbacks too"
	}
	return text
}

// conditionText is a condition in a sentence.
func conditionText(k target.Condition) string {
	if k == target.Unknown {
		return "not answering"
	}
	return string(k)
}

// unitText says what is wrong with a unit.
func unitText(u target.Unit) string {
	switch {
	case u.Problem != "":
		return say("%s is %s: %s", u.Name, conditionText(u.Condition), u.Problem)
	case u.Condition == target.Serving:
		return say("%s serves something else", u.Name)
	}
	return say("%s is %s", u.Name, conditionText(u.Condition))
}

// andMore says that there are n more, or nothing.
func andMore(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n)
}

// orElse returns text, or otherwise where it is empty.
func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
