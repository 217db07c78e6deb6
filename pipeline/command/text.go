package command

import (
	"fmt"
	"time"

	"github.com/muster-deploy/muster/pipeline/words"
)

// Commit subjects, reasons and the output of builds are other people's text. None
// of it may move the cursor, set the title or hide what stands around it.

func clean(s string) string                 { return words.Clean(s) }
func printable(r rune) rune                 { return words.Printable(r) }
func cleanLines(s string) string            { return words.CleanLines(s) }
func say(format string, args ...any) string { return words.Say(format, args...) }
func took(d time.Duration) string           { return words.Took(d) }
func count(n int, one string) string        { return words.Count(n, one) }
func short(revision string) string          { return words.Short(revision) }

// printf writes a result.
func (c *call) printf(format string, args ...any) { fmt.Fprint(c.Stdout, say(format, args...)) }

// tell writes a line for the person, beside the result.
func (c *call) tell(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintln(c.Stderr, say(format, args...))
}

func (c *call) when(t time.Time) string { return words.When(c.now(), t) }
func (c *call) ago(t time.Time) string  { return words.Ago(c.now(), t) }

// row is a labelled line.
type row struct{ label, text string }

// table writes rows with their texts in one column.
func (c *call) table(rows []row) {
	wide := 10 // so that most pages look alike
	for _, r := range rows {
		wide = max(wide, len(r.label))
	}
	for _, r := range rows {
		fmt.Fprintf(c.Stdout, "  %-*s  %s\n", wide, r.label, r.text)
	}
}
