package herokutest

import (
	"archive/tar"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
)

// Slug is a packed app.
type Slug struct {
	ID        string
	Processes map[string]string // commands, by type
	Stack     string
	Commit    string
	Checksum  string           // as it was announced; empty: it was not
	Uploaded  bool             // and found to be what was announced
	Size      int64            // in bytes, packed
	Files     map[string]int64 // sizes by path, without the ./app
}

func (a *App) addSlug(s Slug) *Slug {
	s.ID = strings.ToLower("slug-" + rand.Text())
	a.slugs[s.ID] = &s
	return &s
}

func (a *App) newSlug(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Processes map[string]string `json:"process_types"`
		Stack     string            `json:"stack"`
		Commit    string            `json:"commit"`
		Checksum  string            `json:"checksum"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "bad_request", "Unable to parse the JSON request.")
		return
	}
	if len(in.Processes) == 0 {
		refuse(w, http.StatusUnprocessableEntity, "invalid_params", "Require params: process_types.")
		return
	}
	s := a.addSlug(Slug{Processes: maps.Clone(in.Processes), Stack: in.Stack, Commit: in.Commit, Checksum: in.Checksum})
	out := s.wire()
	out["blob"] = map[string]string{"method": "put", "url": "http://" + r.Host + "/blobs/" + a.name + "/" + s.ID + "?Signature=" + rand.Text()}
	say(w, http.StatusCreated, out)
}

func (a *App) slugInfo(w http.ResponseWriter, r *http.Request) {
	s := a.slugs[r.PathValue("slug")]
	if s == nil {
		refuse(w, http.StatusNotFound, "not_found", "Couldn't find that slug.")
		return
	}
	say(w, http.StatusOK, s.wire())
}

func (s *Slug) wire() map[string]any {
	return map[string]any{
		"id": s.ID, "process_types": s.Processes, "commit": s.Commit, "checksum": s.Checksum, "size": s.Size,
		"stack": map[string]string{"name": s.Stack},
	}
}

// upload takes a slug's bytes, one after the other, and keeps none.
func (p *Platform) upload(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	var s *Slug
	if a := p.apps[r.PathValue("app")]; a != nil {
		s = a.slugs[r.PathValue("slug")]
	}
	p.mu.Unlock()
	if s == nil || r.Header.Get("Authorization") != "" {
		http.Error(w, "SignatureDoesNotMatch", http.StatusForbidden)
		return
	}
	if r.ContentLength < 0 {
		http.Error(w, "MissingContentLength", http.StatusLengthRequired)
		return
	}
	files, size, sum, err := unpack(r.Body)
	if err == nil && s.Checksum != "" && s.Checksum != "SHA256:"+sum {
		err = errors.New("the checksum is another")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Uploaded, s.Files, s.Size = true, files, size
}

// counter counts bytes.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// unpack reads a slug as a dyno does.
func unpack(r io.Reader) (files map[string]int64, size int64, sum string, err error) {
	hash, count := sha256.New(), new(counter)
	r = io.TeeReader(r, io.MultiWriter(hash, count))
	zip, err := gzip.NewReader(r)
	if err != nil {
		return nil, 0, "", err
	}
	files = map[string]int64{}
	for in := tar.NewReader(zip); ; {
		h, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, 0, "", err
		}
		name, ok := strings.CutPrefix(h.Name, "./app/")
		if !ok {
			return nil, 0, "", fmt.Errorf("%s is not below ./app", h.Name)
		}
		files[name] = h.Size
	}
	if _, err := io.Copy(io.Discard, zip); err != nil { // to its checksum
		return nil, 0, "", err
	}
	_, err = io.Copy(io.Discard, r)
	return files, int64(*count), hex.EncodeToString(hash.Sum(nil)), err
}
