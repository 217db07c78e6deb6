package command

import (
	"fmt"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline/words"
	"github.com/muster-deploy/muster/target"
)

func sayHold(c *call, h lock.Hold) string { return words.Hold(h, c.Zone) }
func unitText(u target.Unit) string       { return words.Unit(u) }

// andMore says that there are n more, or nothing.
func andMore(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n)
}
