package targettest

import (
	"bytes"
	"io"
	"io/fs"
	"slices"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

func newPlaceIsVacant(s *suite) {
	state := s.observe()
	if len(state.Units) == 0 {
		s.Fatalf("observe lists no units")
	}
	if all := names(state); !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) {
		s.Errorf("units are not sorted by name, each once: %v", all)
	}
	s.vacant()
}

func nameNeverChanges(s *suite) {
	name := s.t.Name()
	if name == "" {
		s.Errorf("name is empty")
	}
	s.ship(1)
	s.open()
	if again := s.t.Name(); again != name {
		s.Errorf("name is %q after %q", again, name)
	}
}

func prepareShowsNothing(s *suite) {
	s.prepare(1)
	s.vacant()
	one := s.activate(s.order(1, target.Forward))
	s.prepare(2)
	s.serving(one.Release.Digest)
}

func prepareTwice(s *suite) {
	s.prepare(1)
	s.prepare(1)
	o := s.activate(s.order(1, target.Forward))
	s.prepare(1) // what is live is prepared once more, and stays live
	s.serving(o.Release.Digest)
}

func prepareIsFenced(s *suite) {
	late := s.order(2, target.Forward)
	s.ship(1)
	s.is("prepare of a lower order", s.t.Prepare(s.Context(), late, s.artifact(2)), target.ErrStale)

	early := s.order(2, target.Forward)
	ahead := early
	ahead.Number += 5
	s.must("prepare", s.t.Prepare(s.Context(), ahead, s.artifact(2)))
	s.activate(early) // a prepare raises no fence
}

func prepareRefusesOtherArtifact(s *suite) {
	if s.t.Prepare(s.Context(), s.order(1, target.Forward), s.artifact(2)) == nil {
		s.Errorf("prepare accepts an artifact that is not the order's release")
	}
}

func prepareRefusesCorruption(s *suite) {
	one := s.ship(1)
	good := s.artifact(2)
	bad := *good
	bad.Files = spoiled{good.Files}
	o := s.order(2, target.Forward)
	if s.t.Prepare(s.Context(), o, &bad) == nil {
		s.Errorf("prepare accepts a file whose content is not the manifest's")
	}
	s.is("activate what could not be prepared", s.t.Activate(s.Context(), s.order(2, target.Forward)), target.ErrUnprepared)
	s.serving(one.Release.Digest)
	s.ship(2) // the right bytes are accepted after it
}

// spoiled is a tree in which one bit of every file has flipped.
type spoiled struct{ fs.FS }

func (f spoiled) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return file, err
	}
	data, err := io.ReadAll(file)
	if err != nil || len(data) == 0 {
		return nil, build.ErrCorrupt
	}
	data[0] ^= 1
	return spoiledFile{file, bytes.NewReader(data)}, nil
}

type spoiledFile struct {
	fs.File
	r *bytes.Reader
}

func (f spoiledFile) Read(p []byte) (int, error) { return f.r.Read(p) }
