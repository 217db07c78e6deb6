package filelock

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
	"maps"
	"slices"
)

// disk is a file system that keeps a journal of every step, so that a power cut at
// any of them can be replayed: what was synced is there, and of what was not, any
// part, in any combination, with files cut off or full of zeros.
type disk struct {
	names   map[string]*inode // as running processes see it
	journal []step
	forget  func(step) bool // steps that are left out: the store's mistakes
}

// inode is a file, whatever its names.
type inode struct{ data []byte }

type verb string

const (
	doCreate  verb = "create"
	doWrite   verb = "write"
	doSync    verb = "sync"
	doRename  verb = "rename"
	doRemove  verb = "remove"
	doSyncDir verb = "sync directory"
)

// step is one step in the journal.
type step struct {
	verb     verb
	name, to string
	file     *inode
	data     []byte
}

// onName reports whether the step changes the directory.
func (s step) onName() bool { return s.verb == doCreate || s.verb == doRename || s.verb == doRemove }

func newDisk(content map[string][]byte) *disk {
	d := &disk{names: map[string]*inode{}}
	for name, data := range content {
		d.names[name] = &inode{data: bytes.Clone(data)}
	}
	return d
}

func (d *disk) do(s step) {
	if d.forget == nil || !d.forget(s) {
		d.journal = append(d.journal, s)
	}
}

func (d *disk) String() string { return "disk" }

func (d *disk) Lock(ctx context.Context, _ string) (func(), error) { return func() {}, ctx.Err() }

func (d *disk) Read(name string, limit int64) ([]byte, error) {
	f := d.names[name]
	if f == nil {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(f.data[:min(len(f.data), int(limit)+1)]), nil
}

func (d *disk) Create(name string) (file, error) {
	if err := d.Remove(name); err != nil {
		return nil, err
	}
	f := &inode{}
	d.names[name] = f
	d.do(step{verb: doCreate, name: name, file: f})
	return &diskFile{d, f}, nil
}

func (d *disk) Rename(from, to string) error {
	f := d.names[from]
	if f == nil {
		return fs.ErrNotExist
	}
	d.names[to] = f
	delete(d.names, from)
	d.do(step{verb: doRename, name: from, to: to, file: f})
	return nil
}

func (d *disk) Remove(name string) error {
	if d.names[name] != nil {
		delete(d.names, name)
		d.do(step{verb: doRemove, name: name})
	}
	return nil
}

func (d *disk) Sync() error {
	d.do(step{verb: doSyncDir})
	return nil
}

// diskFile is an open file of a disk.
type diskFile struct {
	disk *disk
	file *inode
}

func (f *diskFile) Write(data []byte) (int, error) {
	f.file.data = append(f.file.data, data...)
	f.disk.do(step{verb: doWrite, file: f.file, data: bytes.Clone(data)})
	return len(data), nil
}

func (f *diskFile) Sync() error {
	f.disk.do(step{verb: doSync, file: f.file})
	return nil
}

func (f *diskFile) Close() error { return nil }

// powerCuts returns every content that the disk may have after the power was cut
// when n steps of the journal were done. The disk was empty and durable before.
func powerCuts(journal []step, n int) iter.Seq[map[string][]byte] {
	done := journal[:n]
	choices := make([]int, n) // how many fates each step has
	for i, s := range done {
		choices[i] = fates(s, done[i+1:])
	}
	return func(yield func(map[string][]byte) bool) {
		fate := make([]int, n)
		for {
			if !yield(replay(done, fate)) {
				return
			}
			i := 0
			for ; i < n; i++ {
				if fate[i]++; fate[i] < choices[i] {
					break
				}
				fate[i] = 0
			}
			if i == n {
				return
			}
		}
	}
}

// fates returns in how many ways a step may survive, given those that came after:
// in one when it was synced; else a name changed or not, and bytes were written
// wholly, in half, as zeros or not at all.
func fates(s step, after []step) int {
	switch {
	case s.onName() && !slices.ContainsFunc(after, func(a step) bool { return a.verb == doSyncDir }):
		return 2
	case s.verb == doWrite && !slices.ContainsFunc(after, func(a step) bool { return a.verb == doSync && a.file == s.file }):
		return 4
	}
	return 1
}

// replay returns what is on the disk when each step met its fate.
func replay(done []step, fate []int) map[string][]byte {
	names, data := map[string]*inode{}, map[*inode][]byte{}
	for i, s := range done {
		switch {
		case s.onName() && fate[i] == 1: // lost
		case s.verb == doCreate:
			names[s.name] = s.file
		case s.verb == doRemove:
			delete(names, s.name)
		case s.verb == doRename:
			names[s.to] = s.file
			delete(names, s.name)
		case s.verb == doWrite:
			data[s.file] = append(data[s.file], survivor(s.data, fate[i])...)
		}
	}
	content := maps.Collect(func(yield func(string, []byte) bool) {
		for name, f := range names {
			if !yield(name, data[f]) {
				return
			}
		}
	})
	return content
}

// survivor returns what is left of bytes that were written.
func survivor(data []byte, fate int) []byte {
	switch fate {
	case 0:
		return data
	case 1:
		return nil
	case 2:
		return data[:len(data)/2]
	default:
		return make([]byte, len(data))
	}
}

var errDiskFull = errors.New("no space left on device")

// fullDisk fails at the n-th step that needs space or reaches the disk.
type fullDisk struct {
	files
	left int
}

func (d *fullDisk) fail() error {
	if d.left--; d.left < 0 {
		return errDiskFull
	}
	return nil
}

func (d *fullDisk) Create(name string) (file, error) {
	if err := d.fail(); err != nil {
		return nil, err
	}
	f, err := d.files.Create(name)
	return &fullFile{f, d}, err
}

func (d *fullDisk) Rename(from, to string) error {
	if err := d.fail(); err != nil {
		return err
	}
	return d.files.Rename(from, to)
}

type fullFile struct {
	file
	disk *fullDisk
}

func (f *fullFile) Write(data []byte) (int, error) {
	if err := f.disk.fail(); err != nil {
		n, _ := f.file.Write(data[:len(data)/2])
		return n, err
	}
	return f.file.Write(data)
}

func (f *fullFile) Sync() error {
	if err := f.disk.fail(); err != nil {
		return err
	}
	return f.file.Sync()
}
