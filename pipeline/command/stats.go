package command

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

var statsCommand = &command{
	name: "stats", brief: "say how often, how fast and how safely changes go live",
	long: `Counts the deploys of each day, the time from commit to live, the share of deploys
that failed or were rolled back, and how long a rollback takes.`,
	setup: func(set *flag.FlagSet) action {
		days := set.Int("days", 14, "look at the last `N` days, today included")
		return func(ctx context.Context, c *call) error { return showStats(ctx, c, *days) }
	},
}

// statsOf is the JSON form of "stats".
type statsOf struct {
	Pipeline string `json:"pipeline"`
	pipeline.Stats
}

func showStats(ctx context.Context, c *call, days int) error {
	p, err := c.one()
	if err != nil {
		return err
	}
	if days < 1 || days > 3660 {
		return misuse("-days is %d: want 1 to 3660", days)
	}
	until := c.now()
	y, m, d := until.Date()
	since := time.Date(y, m, d-days+1, 0, 0, 0, 0, c.Zone)
	var deploys []pipeline.Deploy
	for d, err := range p.Deploys(ctx, "") {
		if err != nil {
			return err
		}
		if d.Ended.Before(since) {
			break
		}
		deploys = append(deploys, d)
	}
	s := pipeline.Summarize(deploys, since, until)
	if c.json {
		return writeJSON(c.Stdout, statsOf{p.Name(), s})
	}
	c.stats(p.Name(), s, days)
	return nil
}

// barWidth is how many characters the busiest day gets.
const barWidth = 40

// stats writes the numbers as a chart and a table.
func (c *call) stats(name string, s pipeline.Stats, days int) {
	span := "today"
	if days > 1 {
		span = "in the last " + count(days, "day")
	}
	c.printf("%s, deploys that went live %s:\n\n", name, span)
	busiest := 1
	for _, n := range s.PerDay {
		busiest = max(busiest, n)
	}
	y, m, d := s.Since.Date()
	for i := range days {
		day := time.Date(y, m, d+i, 12, 0, 0, 0, c.Zone) // noon: no clock is changed at noon
		n := s.PerDay[day.Format(time.DateOnly)]
		bar := n
		if busiest > barWidth {
			bar = (n*barWidth + busiest - 1) / busiest
		}
		line := fmt.Sprintf("  %s %4d  %s", day.Format("Mon 02 Jan"), n, strings.Repeat("#", bar))
		fmt.Fprintln(c.Stdout, strings.TrimRight(line, " "))
	}
	fmt.Fprintln(c.Stdout)
	c.table([]row{
		{"deploys", fmt.Sprintf("%d, %.1f a day", s.Deploys, float64(s.Deploys)/float64(days))},
		{"lead time", known(s.LeadTime, fmt.Sprintf("%s from commit to live (median), %s for 95 of 100", took(s.LeadTime), took(s.LeadTime95)))},
		{"failure rate", fmt.Sprintf("%.1f %%, %s failed or rolled back", 100*s.FailureRate, count(s.Failed, "deploy"))},
		{"time to restore", known(s.Restore, took(s.Restore)+" from the beginning of a rollback to its end (median)")},
	})
}

// known returns the text where there is something to say.
func known(d time.Duration, text string) string {
	if d == 0 {
		return "not known: there was none"
	}
	return text
}
