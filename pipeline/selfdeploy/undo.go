package selfdeploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/muster-deploy/muster/pipeline"
)

// undo asks for the rollback of a release: one swap, which whoever holds the lease
// carries out. To ask again is to ask once. A release that is on its way no more needs
// none.
func (d *Deployer) undo(ctx context.Context, self *pipeline.Engine, release, why string) error {
	host, _ := os.Hostname() // for people only
	_, err := self.Recorded().Do(ctx, pipeline.Rollback{
		Asked: pipeline.Asked{ID: "self-" + release, By: "self-deploy on " + host, Reason: why}, From: release,
	})
	var refusal *pipeline.Refusal
	if errors.As(err, &refusal) {
		d.c.Log.Warn("rollback was refused", "release", release, "why", refusal.Reason)
		return nil
	}
	return err
}

// note is where a host keeps the release that was started last under guard.
func (d *Deployer) note() string {
	return filepath.Join(d.c.Dir, "..", "..", "shared", "selfdeploy", "tried")
}

// tried is the release that was started last under guard on this host, or empty.
func (d *Deployer) tried() string {
	text, err := os.ReadFile(d.note())
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// try notes that a release is started. What is not written is not known after a
// crash; the release is tried once more then.
func (d *Deployer) try(release string) error {
	file := d.note()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("note what is tried: %w", err)
	}
	if err := writeSynced(file+".new", release+"\n"); err != nil {
		return fmt.Errorf("note what is tried: %w", err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		return fmt.Errorf("note what is tried: %w", err)
	}
	return nil
}

func writeSynced(file, text string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}
