package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// hashBuffer is how much of a file one worker holds in memory.
const hashBuffer = 256 << 10

// hashing fills in mode, size and sha256 of files below dir, several at a time.
type hashing struct {
	dir     string
	files   []File
	secrets []secret
	next    atomic.Int64

	mu    sync.Mutex
	tally tally
}

// run hashes all files, or returns the first error.
func (h *hashing) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			w := &hashWorker{hashing: h, sum: sha256.New(), buf: make([]byte, hashBuffer)}
			return w.run(ctx)
		})
	}
	return group.Wait()
}

// hashWorker is one goroutine's part.
type hashWorker struct {
	*hashing
	sum hash.Hash
	buf []byte
}

// run takes one file after the other until none is left.
func (w *hashWorker) run(ctx context.Context) error {
	for {
		i := int(w.next.Add(1)) - 1
		if i >= len(w.files) {
			return nil
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if f := &w.files[i]; f.Link == "" {
			if err := w.record(ctx, f); err != nil {
				return err
			}
		}
	}
}

// record fills in one file and makes sure that it stood still meanwhile.
func (w *hashWorker) record(ctx context.Context, f *File) error {
	in, err := os.OpenFile(filepath.Join(w.dir, f.Path), os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	before, err := in.Stat()
	if err != nil {
		return err
	}
	if !before.Mode().IsRegular() {
		return fmt.Errorf("%s was replaced while it was recorded: %w", f.Path, ErrCorrupt)
	}
	if err := w.count(f.Path, before.Size()); err != nil {
		return err
	}
	n, err := w.read(ctx, f.Path, in)
	if err != nil {
		return err
	}
	after, err := in.Stat()
	if err != nil {
		return err
	}
	if n != before.Size() || after.Size() != n || !after.ModTime().Equal(before.ModTime()) {
		return fmt.Errorf("%s changed while it was recorded: %w", f.Path, ErrCorrupt)
	}
	f.Mode, f.Size, f.SHA256 = 0o644, n, hex.EncodeToString(w.sum.Sum(nil))
	if before.Mode()&0o100 != 0 {
		f.Mode = 0o755
	}
	return nil
}

// count adds a file to what the workers have seen together.
func (w *hashWorker) count(path string, size int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tally.add(path, size)
}

// read hashes in and looks for secrets in it. The end of each part is kept before
// the next one, so that a secret across two parts is found.
func (w *hashWorker) read(ctx context.Context, path string, in io.Reader) (total int64, err error) {
	w.sum.Reset()
	kept, overlap := 0, longest(w.secrets)
	for {
		n, err := in.Read(w.buf[kept:])
		w.sum.Write(w.buf[kept : kept+n])
		total += int64(n)
		part := w.buf[:kept+n]
		if name := find(w.secrets, part); name != "" {
			return 0, fmt.Errorf("%s holds the value of the secret %s: a secret must not be part of an artifact", path, name)
		}
		kept = copy(w.buf, part[max(0, len(part)-overlap):])
		if err == io.EOF {
			return total, nil
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return 0, err
		}
	}
}

// secret is a value that is looked for in files.
type secret struct {
	name  string
	value []byte
}

// longSecrets returns the values that are long enough not to turn up by chance,
// and short enough to be looked for.
func longSecrets(secrets map[string]string) []secret {
	var list []secret
	for name, value := range secrets {
		if b := bytes.TrimSpace([]byte(value)); len(b) >= 8 && len(b) < hashBuffer/2 {
			list = append(list, secret{name, b})
		}
	}
	slices.SortFunc(list, func(a, b secret) int { return bytes.Compare([]byte(a.name), []byte(b.name)) })
	return list
}

// longest returns how many bytes must be kept to find a secret across two parts.
func longest(secrets []secret) int {
	n := 0
	for _, s := range secrets {
		n = max(n, len(s.value)-1)
	}
	return n
}

// find returns the name of the first secret that part holds.
func find(secrets []secret, part []byte) string {
	for _, s := range secrets {
		if bytes.Contains(part, s.value) {
			return s.name
		}
	}
	return ""
}
