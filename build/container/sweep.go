package container

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/muster-deploy/muster/build"
)

// A container's name says whose it is: the process that started it, by its id and
// when it began, so that another one which gets the same id is told from it.
var nameOf = regexp.MustCompile(`^muster-(\d+)-(\d+)-[a-z0-9]+$`)

// newName returns a name for a container of this process.
func newName() (string, error) {
	began, err := beganAt(os.Getpid())
	if err != nil {
		return "", fmt.Errorf("name a container: %w", err)
	}
	return fmt.Sprintf("muster-%d-%s-%s", os.Getpid(), began, strings.ToLower(rand.Text())), nil
}

// beganAt returns when a process began, in ticks since the machine did: field 22 of
// /proc/PID/stat, see proc(5). Where there is no /proc, it is zero for all.
func beganAt(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat("/proc/self/stat"); err != nil {
			return "0", nil
		}
	}
	if err != nil {
		return "", err
	}
	// The second field is a name in parentheses, which may hold blanks.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat is cut off", pid)
	}
	return fields[19], nil
}

// orphan says whether a name is that of a container whose process is no more.
func orphan(name string) bool {
	m := nameOf.FindStringSubmatch(name)
	if m == nil {
		return false
	}
	pid, err := strconv.Atoi(m[1])
	if err != nil {
		return false
	}
	began, err := beganAt(pid)
	return errors.Is(err, os.ErrNotExist) || err == nil && began != m[2]
}

// sweep removes the containers of processes that are no more.
func (r *Runner) sweep(ctx context.Context) error {
	var listed bytes.Buffer
	if err := r.ask(ctx, &listed, "ps", "--all", "--filter", "name=^muster-", "--format", "{{.Names}}"); err != nil {
		return err
	}
	var errs []error
	for name := range strings.FieldsSeq(listed.String()) {
		if orphan(name) {
			errs = append(errs, r.remove(name))
		}
	}
	return errors.Join(errs...)
}

// remove kills and removes a container. One that is not there is no error.
func (r *Runner) remove(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := r.ask(ctx, io.Discard, "rm", "--force", "--volumes", name)
	if failed, ok := errors.AsType[*build.CommandError](err); ok && strings.Contains(strings.ToLower(failed.Output), "no such container") {
		return nil
	}
	return err
}

// ask runs the engine's client for ourselves.
func (r *Runner) ask(ctx context.Context, out io.Writer, args ...string) error {
	c := build.Command{Name: "env", Args: append([]string{"-u", "MUSTER_BUILD", r.config.Engine}, args...), Stdout: out}
	return (&build.Local{Allow: engineSettings, Grace: time.Second}).Run(ctx, os.TempDir(), c, io.Discard)
}
