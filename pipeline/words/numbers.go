package words

import (
	"fmt"
	"strings"
	"time"
)

// When says the time t, in the zone of now, as short as can be.
func When(now, t time.Time) string {
	t = t.In(now.Location())
	switch days := calendarDays(now, t); {
	case days == 0:
		return t.Format("15:04")
	case days > -7 && days < 7:
		return t.Format("Mon 15:04")
	}
	return t.Format("2 Jan 2006 15:04")
}

// Until says a time that matters: with its day and its zone.
func Until(t time.Time) string { return t.Format("Mon 2 Jan 15:04 MST") }

// calendarDays is how many midnights lie between a and b, which are in one zone.
func calendarDays(a, b time.Time) int {
	day := func(t time.Time) time.Time {
		y, m, d := t.Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(day(b).Sub(day(a)) / (24 * time.Hour))
}

// Ago says how long ago t was, in one unit: nobody reckons with two at night.
func Ago(now, t time.Time) string {
	d := now.Sub(t)
	for _, unit := range []struct {
		name string
		long time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		if n := int(d / unit.long); n > 0 {
			return Count(n, unit.name) + " ago"
		}
	}
	return "just now"
}

// Took says a duration in its two largest units at most.
func Took(d time.Duration) string {
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

// Count says how many of something there are.
func Count(n int, one string) string {
	switch {
	case n == 1:
		return "1 " + one
	case strings.HasSuffix(one, "h"):
		return fmt.Sprintf("%d %ses", n, one)
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// Short is a revision for people.
func Short(revision string) string { return revision[:min(7, len(revision))] }
