package dashboard

import (
	"fmt"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

// day is what ended on one day.
type day struct{ Live, Bad int }

// perDay counts deploys by the day on which they ended, in a zone.
func perDay(deploys []pipeline.Deploy, zone *time.Location) map[string]day {
	counts, lost := map[string]day{}, map[string]bool{}
	for _, d := range deploys {
		lost[d.ID] = d.Kind == pipeline.KindDeploy && bad(d.End)
	}
	for _, d := range deploys {
		key := d.Ended.In(zone).Format(time.DateOnly)
		n := counts[key]
		switch {
		case d.Kind == pipeline.KindRollback:
			if d.From != nil && !lost[d.From.ID] { // what it undid had been live
				n.Bad++
			}
		case d.End == pipeline.Live || d.End == pipeline.Unchanged:
			n.Live++
		case bad(d.End):
			n.Bad++
		}
		counts[key] = n
	}
	return counts
}

// bad reports whether a deploy did not stay.
func bad(e pipeline.End) bool {
	return e == pipeline.FailedEnd || e == pipeline.RolledBack || e == pipeline.RollbackFailed
}

// The chart's measures, in the units of its picture.
const (
	chartWidth  = 560
	chartHeight = 72
	slot        = chartWidth / days
	barWidth    = slot - 8
)

// chart is deploys per day, as a picture and as a table.
type chart struct {
	Bars  []chartBar
	Most  int // on one day
	Live  int // in all
	Bad   int
	Ready bool // all of it was counted
	Days  int
	// Width and Height are those of the picture, Base is where its bars stand.
	Width, Height, Base int
	// Summary says the chart to who does not see it.
	Summary string
	// Facts are further numbers, where there are some.
	Facts []fact
}

// fact is a number and what it is.
type fact struct{ Name, Value string }

// chartBar is one day.
type chartBar struct {
	day
	Date  string // "Mon 2 Mar"
	Label string // below the bar; empty for most
	X, Y  int
	W, H  int // of what went live
	BadY  int
	BadH  int // of what did not, on top of it
	Mid   int
	Today bool
}

// drawChart draws the last days until now.
func drawChart(now time.Time, ready bool, counts ...map[string]day) chart {
	c := chart{Ready: ready, Days: days, Width: chartWidth, Height: chartHeight + 40, Base: chartHeight + 18}
	y, m, d := now.Date()
	for i := range days {
		at := time.Date(y, m, d-days+1+i, 12, 0, 0, 0, now.Location()) // noon: no clock is changed at noon
		b := chartBar{Date: at.Format("Mon 2 Jan"), X: i*slot + 4, W: barWidth, Mid: i*slot + slot/2, Today: i == days-1}
		for _, count := range counts {
			n := count[at.Format(time.DateOnly)]
			b.Live, b.Bad = b.Live+n.Live, b.Bad+n.Bad
		}
		if at.Weekday() == time.Monday {
			b.Label = at.Format("2 Jan")
		}
		c.Bars = append(c.Bars, b)
		c.Most, c.Live, c.Bad = max(c.Most, b.Live+b.Bad), c.Live+b.Live, c.Bad+b.Bad
	}
	for i := range c.Bars {
		c.Bars[i].scale(c.Most, c.Base)
	}
	c.Summary = fmt.Sprintf("In the last %d days %d deploys went live and %d failed or were rolled back; at most %d ended on one day.",
		days, c.Live, c.Bad, c.Most)
	return c
}

// Sum is how many ended on the day.
func (b chartBar) Sum() int { return b.Live + b.Bad }

// scale gives a bar its height. What is not nothing is seen.
func (b *chartBar) scale(most, base int) {
	height := func(n int) int {
		if n == 0 {
			return 0
		}
		return max(3, n*chartHeight/max(most, 6)) // one deploy is not a tower
	}
	b.H, b.BadH = height(b.Live), height(b.Bad)
	b.Y = base - b.H
	b.BadY = b.Y - b.BadH
	if b.H > 0 && b.BadH > 0 {
		b.BadY-- // a gap between the two
	}
}
