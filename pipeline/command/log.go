package command

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/muster-deploy/muster/pipeline"
)

var logCommand = &command{
	name: "log", operands: []string{"[DEPLOY]"}, brief: "show the log of a deploy; the newest one's by default",
	long: `Shows the log of a deploy: its build, hooks, batches and checks. Without DEPLOY it is
that of the deploy under way, or of the one that ended last. On a terminal, what
would move its cursor is left out.`,
	setup: func(*flag.FlagSet) action { return showLog },
}

// logLine is the JSON form of one line of a log.
type logLine struct {
	Pipeline string `json:"pipeline"`
	Deploy   string `json:"deploy"`
	Text     string `json:"text"`
}

func showLog(ctx context.Context, c *call) error {
	p, err := c.one()
	if err != nil {
		return err
	}
	id := c.operand(0)
	if id == "" {
		if id, err = newest(ctx, p); err != nil {
			return err
		}
	}
	log, err := p.Log(ctx, id)
	if errors.Is(err, pipeline.ErrNoDeploy) {
		return refused("%s has no deploy %s: \"%s history\" lists them", p.Name(), clean(id), c.Name)
	}
	if err != nil {
		return err
	}
	defer log.Close()
	switch {
	case c.json:
		return eachLine(log, func(line string) error {
			return writeJSON(c.Stdout, logLine{p.Name(), id, strings.TrimRight(line, "\r\n")})
		})
	case c.Width() > 0:
		return eachLine(log, func(line string) error {
			_, err := fmt.Fprintln(c.Stdout, tidy(line))
			return err
		})
	}
	_, err = io.Copy(c.Stdout, log)
	return err
}

// newest returns the id of the deploy that is under way or ended last.
func newest(ctx context.Context, p pipeline.Pipeline) (string, error) {
	s, err := p.Status(ctx)
	if err != nil {
		return "", err
	}
	if s.Open != nil {
		return s.Open.ID, nil
	}
	for d, err := range p.Deploys(ctx, "") {
		return d.ID, err
	}
	return "", refused("%s has no log: nothing was deployed yet", p.Name())
}

// longestLine is how much of a line is looked at as one, in bytes.
const longestLine = 64 << 10

// eachLine calls f with each line, and with the pieces of one that is very long.
func eachLine(r io.Reader, f func(string) error) error {
	lines := bufio.NewReaderSize(r, longestLine)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			if err := f(string(line)); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("read log: %w", err)
		}
	}
}

// tidy returns a line as a terminal may get it. Of a line that was written over
// itself, the last state counts.
func tidy(line string) string {
	line = strings.TrimRight(line, "\r\n")
	if i := strings.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	return cleanLines(line)
}
