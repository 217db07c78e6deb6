package build

import "fmt"

// Limits bounds what one artifact may be. The zero value means the defaults that
// stand at each field.
type Limits struct {
	// Files is how many files and links there may be; zero means 500,000.
	Files int
	// FileBytes is the size of the largest file; zero means 8 GiB.
	FileBytes int64
	// Bytes is the size of all files together; zero means 32 GiB.
	Bytes int64
}

// LimitError says that a tree is larger than its Limits.
type LimitError struct {
	// What names the thing that is too large: a path, or "the tree".
	What string
	// Unit is "files" or "bytes", Limit the most there may be.
	Unit  string
	Limit int64
}

// Error names what is too large, the limit, and what to do.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%s is larger than the limit of %d %s: leave out what need not be shipped, or raise the limit",
		e.What, e.Limit, e.Unit)
}

// filled returns l with its defaults in place.
func (l Limits) filled() Limits {
	if l.Files == 0 {
		l.Files = 500_000
	}
	if l.FileBytes == 0 {
		l.FileBytes = 8 << 30
	}
	if l.Bytes == 0 {
		l.Bytes = 32 << 30
	}
	return l
}

// tally counts a tree against its limits while it is walked.
type tally struct {
	limits Limits
	files  int
	bytes  int64
}

// add counts one more file of the given size.
func (t *tally) add(path string, size int64) error {
	t.files++
	if t.files > t.limits.Files {
		return &LimitError{What: "the tree", Unit: "files", Limit: int64(t.limits.Files)}
	}
	if size > t.limits.FileBytes {
		return &LimitError{What: path, Unit: "bytes", Limit: t.limits.FileBytes}
	}
	t.bytes += size
	if t.bytes > t.limits.Bytes {
		return &LimitError{What: "the tree", Unit: "bytes", Limit: t.limits.Bytes}
	}
	return nil
}
