package command

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Commit subjects, reasons and the output of builds are other people's text. None
// of it may move the cursor, set the title or hide what stands around it.

// escapes are the sequences that terminals act upon.
var escapes = regexp.MustCompile("\x1b(\\[[0-?]*[ -/]*[@-~]|[\\]PX^_][^\x07\x1b]*(\x07|\x1b\\\\)?|[ -/]*[0-~])")

// clean returns s on one line and without anything that a terminal acts upon.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\r' {
			return ' '
		}
		return printable(r)
	}, bare(s))
}

// cleanLines is clean for text of several lines.
func cleanLines(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return printable(r)
	}, bare(s))
}

func bare(s string) string {
	return escapes.ReplaceAllString(strings.ToValidUTF8(s, "\ufffd"), "")
}

// printable drops control characters, and those that change the direction of text
// or are not seen at all.
func printable(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
		return -1
	}
	return r
}

// say formats with every argument cleaned. Errors may have several lines.
func say(format string, args ...any) string {
	safe := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case error:
			safe[i] = cleanLines(v.Error())
		case fmt.Stringer:
			safe[i] = clean(v.String())
		default:
			safe[i] = arg
			if r := reflect.ValueOf(arg); r.IsValid() && r.Kind() == reflect.String {
				safe[i] = clean(r.String())
			}
		}
	}
	return fmt.Sprintf(format, safe...)
}

// printf writes a result.
func (c *call) printf(format string, args ...any) { fmt.Fprint(c.Stdout, say(format, args...)) }

// tell writes a line for the person, beside the result.
func (c *call) tell(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintln(c.Stderr, say(format, args...))
}

// when says a time as short as can be.
func (c *call) when(t time.Time) string {
	now := c.now()
	t = t.In(c.Zone)
	switch days := calendarDays(now, t); {
	case days == 0:
		return t.Format("15:04")
	case days > -7 && days < 7:
		return t.Format("Mon 15:04")
	}
	return t.Format("2 Jan 2006 15:04")
}

// until says a time that matters: with its day and its zone.
func (c *call) until(t time.Time) string { return t.In(c.Zone).Format("Mon 2 Jan 15:04 MST") }

// calendarDays is how many midnights lie between a and b, which are in one zone.
func calendarDays(a, b time.Time) int {
	day := func(t time.Time) time.Time {
		y, m, d := t.Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(day(b).Sub(day(a)) / (24 * time.Hour))
}

// ago says how long ago t was, in one unit: nobody reckons with two at night.
func (c *call) ago(t time.Time) string {
	d := c.now().Sub(t)
	for _, unit := range []struct {
		name string
		long time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		if n := int(d / unit.long); n > 0 {
			return count(n, unit.name) + " ago"
		}
	}
	return "just now"
}

// took says a duration in its two largest units at most.
func took(d time.Duration) string {
	d = d.Round(time.Second)
	day, h, m, s := d/(24*time.Hour), d/time.Hour%24, d/time.Minute%60, d/time.Second%60
	pair := func(large, small time.Duration, units string) string {
		if small == 0 {
			return fmt.Sprintf("%d%c", large, units[0])
		}
		return fmt.Sprintf("%d%c %d%c", large, units[0], small, units[1])
	}
	switch {
	case day > 0:
		return pair(day, h, "dh")
	case h > 0:
		return pair(h, m, "hm")
	case m > 0:
		return pair(m, s, "ms")
	}
	return fmt.Sprintf("%ds", s)
}

// count says how many of something there are.
func count(n int, one string) string {
	switch {
	case n == 1:
		return "1 " + one
	case strings.HasSuffix(one, "h"):
		return fmt.Sprintf("%d %ses", n, one)
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// short is a revision for people.
func short(revision string) string { return revision[:min(7, len(revision))] }

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
