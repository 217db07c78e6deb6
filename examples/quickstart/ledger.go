package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

// ledger holds what was claimed, and what was measured.
type ledger struct {
	claims, broken int
	rows           []row
	takeover       time.Duration // from kill -9 to live
}

// row is a change that was deployed.
type row struct {
	change
	end  pipeline.End
	took time.Duration // from its commit to its end
	note string
}

// claim prints what has to hold, and whether it does.
func (l *ledger) claim(holds bool, format string, args ...any) {
	l.claims++
	mark := "ok  "
	if !holds {
		l.broken++
		mark = "FAIL"
	}
	fmt.Printf("          %s %s\n", mark, fmt.Sprintf(format, args...))
}

// verdict is an error if a claim did not hold.
func (l *ledger) verdict() error {
	if l.broken > 0 {
		return fmt.Errorf("%d of %d claims do not hold", l.broken, l.claims)
	}
	return nil
}

// table ends the story.
func (s *scene) table(ctx context.Context) error {
	s.traffic.stop()
	served, failed, first := s.traffic.total()
	fmt.Printf("\nWhat came of it\n\n")
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintf(w, "  change\tsubject\tended\tcommit to end\t\n")
	for _, r := range s.rows {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", r.short(), r.subject, r.end, seconds(r.took), r.note)
	}
	fmt.Fprintf(w, "\n  from kill -9 to live\t%s\n", seconds(s.takeover))
	fmt.Fprintf(w, "  requests served\t%d\n", served)
	fmt.Fprintf(w, "  requests failed\t%d\n", failed)
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Println()
	s.claim(failed == 0, "no request failed%s", because(first))
	s.claim(served > 0, "customers were served all the time")
	s.claim(s.allDeclared(ctx), "every deploy ended with a word, and the broken one alone was rolled back")
	fmt.Printf("\n%d claims checked in %s.\n", s.claims, seconds(time.Since(s.Began)))
	return s.verdict()
}

// allDeclared compares the history with the rows.
func (s *scene) allDeclared(ctx context.Context) bool {
	ends := map[string]pipeline.End{}
	for d, err := range s.shop.Deploys(ctx, "") {
		if err != nil {
			return false
		}
		if d.Kind == pipeline.KindDeploy {
			ends[d.To.Revision] = d.End
		}
	}
	if len(ends) != len(s.rows) {
		return false
	}
	for _, r := range s.rows {
		if ends[r.revision] != r.end {
			return false
		}
	}
	return true
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// errEnded says that the deployer is gone, which it should not be.
var errEnded = errors.New("the deployer ended")
