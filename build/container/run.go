package container

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/muster-deploy/muster/build"
)

// Run implements build.Runner.
func (r *Runner) Run(ctx context.Context, dir string, c build.Command, log io.Writer) error {
	if err := c.Check(); err != nil {
		return fmt.Errorf("run a command: %w", err)
	}
	if err := inside(dir, c.Dir); err != nil {
		return fmt.Errorf("run %s: %w", c, err)
	}
	image, err := r.choose(c.Tools)
	if err != nil {
		return err
	}
	for _, t := range c.Tools {
		if err := r.verify(ctx, dir, image, t); err != nil {
			return err
		}
	}
	fmt.Fprintf(log, "in %s:\n", image.Name)
	return r.run(ctx, dir, image, c, log)
}

// inside returns an error where a directory of the workspace is none, or where a link
// leads out: in the container it would lead to a place of the image.
func inside(workspace, dir string) error {
	root, err := os.OpenRoot(workspace)
	if err != nil {
		return err
	}
	defer root.Close()
	at, err := root.OpenRoot(filepath.Join(".", filepath.FromSlash(dir)))
	if err != nil {
		return err
	}
	return at.Close()
}

// run runs c in an image.
func (r *Runner) run(ctx context.Context, dir string, image Image, c build.Command, log io.Writer) error {
	name, err := newName()
	if err != nil {
		return err
	}
	client := build.Command{
		// The mark by which Local finds what a command left behind would be inherited by
		// the engine's own helpers, which outlive the client for a moment.
		Name: "env", Args: append([]string{"-u", "MUSTER_BUILD", r.config.Engine}, r.arguments(name, dir, image, c)...),
		Secrets: c.Secrets, Timeout: cmp.Or(c.Timeout, r.config.Timeout), Idle: cmp.Or(c.Idle, r.config.Idle), Stdout: c.Stdout,
	}
	local := &build.Local{Allow: engineSettings, Grace: r.config.Grace}
	err = local.Run(ctx, dir, client, log)
	if err == nil {
		return nil
	}
	// The client may have died before its container.
	if left := r.remove(name); left != nil {
		err = errors.Join(err, fmt.Errorf("remove container %s: %w", name, left))
	}
	return r.translate(err, image, c)
}

// engineSettings are variables by which podman and docker are told where they are.
var engineSettings = []string{
	"CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "CONTAINERS_REGISTRIES_CONF", "CONTAINER_HOST", "DOCKER_HOST", "DOCKER_CONFIG",
	"REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
}

// arguments are those of the engine's client. Secrets are named, and their values taken
// from the client's environment.
func (r *Runner) arguments(name, dir string, image Image, c build.Command) []string {
	args := []string{
		"run", "--rm", "--name", name, "--volume", dir + ":" + dir, "--workdir", filepath.Join(dir, filepath.FromSlash(c.Dir)),
		"--read-only", "--tmpfs", "/tmp:rw,exec,mode=1777", "--cap-drop=ALL", "--security-opt=no-new-privileges",
		"--stop-timeout", strconv.Itoa(int(r.config.Grace.Seconds())),
	}
	args = append(args, r.user()...)
	if c.Network {
		args = append(args, "--network=host")
	} else {
		args = append(args, "--network=none")
	}
	if r.config.MemoryBytes > 0 {
		args = append(args, "--memory", strconv.FormatInt(r.config.MemoryBytes, 10))
	}
	if r.config.Processes > 0 {
		args = append(args, "--pids-limit", strconv.Itoa(r.config.Processes))
	}
	env := map[string]string{"HOME": "/tmp", "LANG": "C.UTF-8"}
	maps.Copy(env, r.config.Env)
	maps.Copy(env, c.Env)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		args = append(args, "--env", name+"="+env[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		args = append(args, "--env", name)
	}
	return append(append(args, "--entrypoint", c.Name, image.Name), c.Args...)
}

// user makes files belong to the caller: a rootless podman maps users.
func (r *Runner) user() []string {
	uid, gid := os.Getuid(), os.Getgid()
	args := []string{"--user", fmt.Sprintf("%d:%d", uid, gid)}
	if uid != 0 && filepath.Base(r.config.Engine) == "podman" {
		args = append(args, "--userns=keep-id")
	}
	return args
}

// Exit codes by which podman and docker say that it was not the command which failed.
const (
	engineFailed  = 125
	notExecutable = 126
	notFound      = 127
)

// translate makes the client's error that of the command.
func (r *Runner) translate(err error, image Image, c build.Command) error {
	failed, ok := errors.AsType[*build.CommandError](err)
	if !ok {
		return err
	}
	own := &build.CommandError{Command: c.String(), Code: failed.Code, Output: failed.Output, Err: failed.Err}
	switch failed.Code {
	case engineFailed:
		own.Code = -1
		own.Err = fmt.Errorf("%s could not run it in %s: %w", filepath.Base(r.config.Engine), image.Name, failed.Err)
	case notExecutable, notFound:
		own.Err = fmt.Errorf("%s has no program %q that can be run, or it says so itself: %w", image.Name, c.Name, failed.Err)
	}
	return own
}

// dotted finds the version in what a tool says of itself, with what makes it a
// pre-release.
var dotted = regexp.MustCompile(`\d+(\.\d+)+([-.]?(preview|rc|alpha|beta|dev|nightly)\d*(\.\d+)*)?`)

// verify asks a tool in the image for its version, once.
func (r *Runner) verify(ctx context.Context, dir string, image Image, want build.Tool) error {
	if want.Version == "" {
		return nil
	}
	r.mu.Lock()
	have, known := r.asked[image.Name+" "+want.Name]
	r.mu.Unlock()
	if !known {
		flag := "--version"
		if want.Name == "java" {
			flag = "-version" // Java 8 knows no other.
		}
		var said bytes.Buffer
		ask := build.Command{Name: want.Name, Args: []string{flag}, Timeout: time.Minute}
		if err := r.run(ctx, dir, image, ask, &said); err != nil {
			return fmt.Errorf("ask %s for its version: %w", want.Name, err)
		}
		have = dotted.FindString(said.String())
		r.mu.Lock()
		r.asked[image.Name+" "+want.Name] = have
		r.mu.Unlock()
	}
	if !want.Met(have) {
		return fmt.Errorf("image %s is said to have %s %s and has %s: correct Images", image.Name, want.Name, want.Version, cmp.Or(have, "none"))
	}
	return nil
}
