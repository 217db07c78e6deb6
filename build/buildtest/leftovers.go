package buildtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// Leftovers says what a build that has ended should not have left: processes that work
// in dir, its workspace, and in cache, the directory of its Cache, anything unfinished
// or that cannot be restored. Where the Workspace was made without a Workshop, Settle
// comes first. Nil: there is nothing. Processes are found on Linux only.
func Leftovers(ctx context.Context, dir, cache string) error {
	var errs []error
	for _, p := range processesIn(dir) {
		errs = append(errs, fmt.Errorf("still running: %s", p))
	}
	entries, err := os.ReadDir(cache)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	c, err := build.OpenCache(cache, build.CacheOptions{})
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, e := range entries {
		if err := restorable(ctx, c, e.Name()); err != nil {
			errs = append(errs, fmt.Errorf("left in the cache: %s: %w", e.Name(), err))
		}
	}
	return errors.Join(errs...)
}

// restorable restores one directory of a cache, to nowhere that stays.
func restorable(ctx context.Context, c *build.Cache, name string) error {
	if strings.HasPrefix(name, "~") {
		return errors.New("it is unfinished")
	}
	tmp, err := os.MkdirTemp("", "muster-leftovers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	// Links of a cached directory may lead to places in a workspace.
	ws := &build.Workspace{Dir: tmp, Cache: c}
	hit, err := ws.Restore(ctx, filepath.Join("a", "directory"), strings.ReplaceAll(name, "~", "/"))
	if err == nil && hit == "" {
		err = errors.New("it is broken")
	}
	return err
}
