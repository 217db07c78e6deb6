package command

import (
	"strconv"
	"strings"
	"time"
)

// parseUntil reads when something ends: "2h" or "3d" from now, "17:00" (the next time
// that a clock in the zone shows it), "2026-05-04", "2026-05-04 17:00" in the zone, or
// RFC 3339, which has a zone of its own. A time that the zone skips when its clocks
// are put forward is the one as long after the gap began.
func parseUntil(s string, now time.Time, zone *time.Location) (time.Time, error) {
	s = strings.TrimSpace(s)
	now = now.In(zone)
	t, err := readUntil(s, now, zone)
	if err != nil {
		return time.Time{}, err
	}
	if !t.After(now) {
		return time.Time{}, misuse("-until %s is over: now it is %s", clean(s), now.Format("Mon 2 Jan 2006 15:04 MST"))
	}
	return t.Round(0), nil
}

func readUntil(s string, now time.Time, zone *time.Location) (time.Time, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n < 10_000 {
			return now.AddDate(0, 0, n), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(d), nil
	}
	if t, err := time.Parse("15:04", s); err == nil {
		y, m, day := now.Date()
		at := time.Date(y, m, day, t.Hour(), t.Minute(), 0, 0, zone)
		if !at.After(now) {
			at = time.Date(y, m, day+1, t.Hour(), t.Minute(), 0, 0, zone)
		}
		return at, nil
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	return time.Time{}, misuse("-until %s is no time: want 17:00, 2h, 3d, \"2026-05-04 17:00\" or 2026-05-04T17:00:00+02:00", clean(s))
}

// zone returns the time zone of that name; empty is the console's.
func (c *call) zone(name string) (*time.Location, error) {
	if name == "" {
		return c.Zone, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, misuse("-zone %s is no time zone that this machine knows: want a name like Europe/Berlin", clean(name))
	}
	return zone, nil
}
