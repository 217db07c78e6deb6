package platform

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"

	"github.com/muster-deploy/muster/build"
)

const (
	maxSlug     = 500 << 20 // bytes of a packed slug, by Heroku's rules
	maxProcfile = 64 << 10
)

// Slug is what Heroku wants to know of a packed app.
type Slug struct {
	Processes map[string]string `json:"process_types"`
	Stack     string            `json:"stack"`
	Commit    string            `json:"commit"`
	Checksum  string            `json:"checksum"` // "SHA256:" and hexadecimal digits
}

// Upload makes a slug of an artifact and returns its id: the files below ./app, which are
// verified on the way, and the processes of its Procfile. Equal artifacts make equal
// slugs, but each call another one, and none is listed anywhere. The packed files stand
// on the disk meanwhile. Tell, if not nil, is told their size in bytes.
func (c *Client) Upload(ctx context.Context, a *build.Artifact, stack, commit string, tell func(int64)) (string, error) {
	processes, err := Processes(a.Files)
	if err != nil {
		return "", err
	}
	spool, err := os.CreateTemp("", "muster-slug-")
	if err != nil {
		return "", err
	}
	defer spool.Close()
	sum, room := sha256.New(), &room{left: maxSlug}
	err = os.Remove(spool.Name()) // It needs no name, and is gone whatever happens.
	if err == nil {
		err = build.PackBelow(ctx, io.MultiWriter(spool, sum, room), a, "./app/")
	}
	if err != nil {
		return "", err
	}
	if tell != nil {
		tell(maxSlug - room.left)
	}
	var made struct {
		ID   string
		Blob struct{ URL string }
	}
	slug := Slug{Processes: processes, Stack: stack, Commit: commit, Checksum: "SHA256:" + hex.EncodeToString(sum.Sum(nil))}
	if _, err := c.send(ctx, c.again, http.MethodPost, "/slugs", "", slug, &made); err != nil {
		return "", err
	}
	return made.ID, c.upload(ctx, made.Blob.URL, spool, maxSlug-room.left)
}

// room fails to take more than a slug may have.
type room struct{ left int64 }

func (r *room) Write(p []byte) (int, error) {
	if r.left -= int64(len(p)); r.left < 0 {
		return 0, errors.New("the slug is larger than the 500 MB that Heroku takes: have the build leave out what the app does not run")
	}
	return len(p), nil
}

// process is a line of a Procfile.
var process = regexp.MustCompile(`(?m)^([A-Za-z0-9_-]+):[ \t]*(\S.*?)\s*$`)

// Processes reads the Procfile of an app: its commands, by process type.
func Processes(app fs.FS) (map[string]string, error) {
	f, err := app.Open("Procfile")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("the artifact has no Procfile: write one at the top of the app, such as \"web: bundle exec puma\"")
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxProcfile))
	if err != nil {
		return nil, fmt.Errorf("read Procfile: %w", err)
	}
	types := map[string]string{}
	for _, m := range process.FindAllStringSubmatch(string(text), -1) {
		if command := strings.TrimSpace(m[2]); command != "" {
			types[m[1]] = command
		}
	}
	if len(types) == 0 {
		return nil, errors.New("the Procfile names no process: write lines such as \"web: bundle exec puma\"")
	}
	return types, nil
}
