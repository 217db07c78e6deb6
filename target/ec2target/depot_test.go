package ec2target_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/muster-deploy/muster/build"
)

// memory is a depot in memory, from which only models fetch.
type memory struct {
	mu    sync.Mutex
	asked int // how many packs and manifests were put, or given a URL
	kept  map[string][]byte
}

func (m *memory) Put(_ context.Context, sum string, pack *io.SectionReader) error {
	data, err := io.ReadAll(pack)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	if m.kept == nil {
		m.kept = map[string][]byte{}
	}
	m.kept[sum] = data
	return err
}

func (m *memory) URL(_ context.Context, sum string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	return "https://depot.example/" + sum, nil
}

// unpack does what a host does with what it has fetched.
func (m *memory) unpack(digest, pack string) error {
	m.mu.Lock()
	text, packed := m.kept[strings.TrimPrefix(digest, "sha256:")], m.kept[pack]
	m.mu.Unlock()
	manifest, err := build.ParseManifest(text)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return build.Unpack(context.Background(), bytes.NewReader(packed), dir+"/tree", manifest, build.UnpackOptions{})
}
