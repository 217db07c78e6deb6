package container

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/muster-deploy/muster/build"
)

// Image is what commands can run in.
type Image struct {
	// Name is a reference as the engine takes it. One with a digest is the same image
	// tomorrow; the tag "latest", said or implied, is refused.
	Name string
	// Tools are what it has, each with its version.
	Tools []build.Tool
}

// Config sets up a Runner.
type Config struct {
	// Images are what commands can run in; the first that fits is taken.
	Images []Image
	// Engine is the program; empty means podman, or docker where there is no podman.
	Engine string
	// Env is added for every command, below the command's own.
	Env map[string]string
	// Timeout and Idle apply to commands that name none; zero means 30 and 10 minutes.
	Timeout, Idle time.Duration
	// Grace is the time between SIGTERM and SIGKILL; zero means 10 seconds.
	Grace time.Duration
	// MemoryBytes and Processes bound a container; zero is the engine's own bound.
	MemoryBytes int64
	Processes   int
}

// Runner is a build.Runner. Its methods may be called by several goroutines at once.
type Runner struct {
	config Config

	mu    sync.Mutex
	asked map[string]string // image and tool to the version that the tool says
}

// New returns a Runner, or every complaint about c at once. It removes containers of
// deployers on this machine that are no more.
func New(c Config) (*Runner, error) {
	var errs []error
	for _, i := range c.Images {
		errs = append(errs, i.check())
	}
	if len(c.Images) == 0 {
		errs = append(errs, errors.New("there is no image: set Images"))
	}
	if c.MemoryBytes < 0 || c.Processes < 0 || c.Timeout < 0 || c.Idle < 0 || c.Grace < 0 {
		errs = append(errs, errors.New("a number below zero"))
	}
	engine, err := findEngine(c.Engine)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("container runner: %w", err)
	}
	c.Engine = engine
	c.Grace = cmp.Or(c.Grace, 10*time.Second)
	r := &Runner{config: c, asked: map[string]string{}}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := r.sweep(ctx); err != nil {
		return nil, fmt.Errorf("container runner: remove what killed deployers left: %w", err)
	}
	return r, nil
}

// findEngine looks for the program.
func findEngine(name string) (string, error) {
	if name != "" {
		return exec.LookPath(name)
	}
	for _, name := range []string{"podman", "docker"} {
		if at, err := exec.LookPath(name); err == nil {
			return at, nil
		}
	}
	return "", errors.New("there is neither podman nor docker on the PATH: install one, or set Engine")
}

// check returns every complaint about an image.
func (i Image) check() error {
	var errs []error
	name, _, pinned := strings.Cut(i.Name, "@")
	last := name[strings.LastIndexByte(name, '/')+1:]
	_, tag, tagged := strings.Cut(last, ":")
	switch {
	case i.Name == "" || strings.HasPrefix(i.Name, "-") || strings.ContainsAny(i.Name, " \t\n"):
		errs = append(errs, fmt.Errorf("%q is no name of an image", i.Name))
	case !pinned && (!tagged || tag == "latest"):
		errs = append(errs, fmt.Errorf("image %s is another one tomorrow: name a tag or a digest", i.Name))
	}
	for _, t := range i.Tools {
		if t.Name == "" || t.Version == "" {
			errs = append(errs, fmt.Errorf("image %s: a tool without name or version", i.Name))
		}
	}
	return errors.Join(errs...)
}

// has says whether the image meets what is asked for.
func (i Image) has(want build.Tool) bool {
	return slices.ContainsFunc(i.Tools, func(t build.Tool) bool { return t.Name == want.Name && want.Met(t.Version) })
}

// ImageError says that no image has the tools that a command asks for.
type ImageError struct {
	// Want is what the command asks for.
	Want []build.Tool
	// Have is what there is.
	Have []Image
}

// Error names what is wanted, by which file, and what there is.
func (e *ImageError) Error() string {
	var want, have []string
	for _, t := range e.Want {
		want = append(want, t.String())
	}
	for _, i := range e.Have {
		var tools []string
		for _, t := range i.Tools {
			tools = append(tools, t.Name+" "+t.Version)
		}
		have = append(have, fmt.Sprintf("%s has %s", i.Name, strings.Join(tools, " and ")))
	}
	return fmt.Sprintf("no image has %s: %s; add one that does", strings.Join(want, " and "), strings.Join(have, ", "))
}

// choose returns the first image that meets all that a command asks for.
func (r *Runner) choose(tools []build.Tool) (Image, error) {
	for _, i := range r.config.Images {
		if !slices.ContainsFunc(tools, func(t build.Tool) bool { return !i.has(t) }) {
			return i, nil
		}
	}
	return Image{}, &ImageError{Want: tools, Have: r.config.Images}
}
