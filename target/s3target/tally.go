package s3target

import (
	"sync"

	"github.com/muster-deploy/muster/target"
)

// tally counts what was uploaded, in files and in bytes, and tells of it in order.
type tally struct {
	report      func(target.Progress)
	totalFiles  int64
	totalBytes  int64
	mu          sync.Mutex
	files, sent int64
}

// newTally counts up to all of the objects.
func (t *Target) newTally(o target.Order, objects []object) *tally {
	y := &tally{report: func(p target.Progress) { t.report(o, p) }, totalFiles: int64(len(objects))}
	for _, m := range objects {
		y.totalBytes += m.file.Size
	}
	return y
}

// bytes counts content that has arrived: a file, or a part of it.
func (y *tally) bytes(n int64) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.sent += n
	y.report(target.Progress{Phase: "upload", Done: y.sent, Total: y.totalBytes, Of: "bytes"})
}

// file counts a file that is there as a whole.
func (y *tally) file() {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.files++
	y.report(target.Progress{Phase: "upload", Done: y.files, Total: y.totalFiles, Of: "files"})
}
