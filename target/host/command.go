package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/muster-deploy/muster/target"
)

// commandLimit ends a command whose context has no deadline.
const commandLimit = time.Hour

// Command runs words once on the host, inside a release that is prepared there and need
// not be live, with MUSTER_ARTIFACT in the environment; such as a migration, before
// any host is switched:
//
//	pipeline.Hook{
//		Name: "migrate",
//		Run: func(ctx context.Context, s pipeline.Subject) error {
//			return web1.Command(ctx, s.Release, s.Log, "bin/rails", "db:migrate")
//		},
//	}
//
// The pipeline keeps in its record that a hook has begun, and whether it may run again.
// Words with secrets in them do not belong here: they show in lists of processes (see
// recipe.With for settings). Log takes the output as it comes; nil drops it. The end of
// it is in the error, which is a Failure as of Activate, or wraps target.ErrUnprepared.
//
// The command stays in the foreground: one that leaves a process running has failed. It
// is ended by its context, and on the host itself once the context's deadline is over, or
// after an hour.
func (h *Host) Command(ctx context.Context, r target.Release, log io.Writer, words ...string) error {
	if err := checkOrder(target.Order{Release: r, Number: 1}); err != nil {
		return fmt.Errorf("run command: %w", err)
	}
	if len(words) == 0 || words[0] == "" {
		return errors.New("run command: there is none")
	}
	limit := commandLimit
	if deadline, ok := ctx.Deadline(); ok {
		limit = max(time.Second, time.Until(deadline))
	}
	s := h.settings("command", target.Order{Release: r})
	s.set("limit", seconds(limit))
	s = append(append(s, "--"), words...)
	stderr := &tail{log: log}
	_, err := h.callTo(ctx, "command", s, nil, stderr)
	return err
}
