package build_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
)

const someSum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

func file(path string) build.File {
	return build.File{Path: path, Mode: 0o644, Size: 5, SHA256: someSum}
}

func link(path, to string) build.File { return build.File{Path: path, Mode: 0o777, Link: to} }

func TestAManifestThatNoTreeMayBeIsRefused(t *testing.T) {
	for name, files := range map[string][]build.File{
		"parent":              {file("../a")},
		"parent within":       {file("a/../../b")},
		"absolute":            {file("/etc/passwd")},
		"not clean":           {file("a//b")},
		"the root":            {file(".")},
		"empty":               {file("")},
		"newline":             {file("a\nb")},
		"tab":                 {file("a\tb")},
		"zero byte":           {file("a\x00b")},
		"not UTF-8":           {file("a\xff")},
		"too long":            {file(strings.Repeat("a/", 2100) + "a")},
		"unsorted":            {file("b"), file("a")},
		"twice":               {file("a"), file("a")},
		"below a file":        {file("a"), file("a-b"), file("a/b")},
		"below a link":        {file("d/x"), link("l", "d"), file("l/y")},
		"mode":                {{Path: "a", Mode: 0o600, SHA256: someSum}},
		"setuid":              {{Path: "a", Mode: 0o755 | os.ModeSetuid, SHA256: someSum}},
		"digest":              {{Path: "a", Mode: 0o644, SHA256: "abc"}},
		"size":                {{Path: "a", Mode: 0o644, Size: -1, SHA256: someSum}},
		"class":               {{Path: "a", Mode: 0o644, SHA256: someSum, Class: "a b"}},
		"link to absolute":    {link("l", "/etc/passwd")},
		"link out":            {link("l", "../x")},
		"link out from below": {link("a/b/l", "../../../x")},
		"link out and back":   {link("l", "../tree/x")},
		"link out by a link":  {link("a", "b/up/../x"), link("b/up", "..")},
		"links in a circle":   {link("a", "b"), link("b", "a")},
		"link with newline":   {link("l", "a\nb")},
		"link with a size":    {{Path: "l", Mode: 0o777, Link: "a", Size: 1}},
	} {
		require.Error(t, build.CheckManifest(files), name)
	}
	require.NoError(t, build.CheckManifest([]build.File{
		link("a/up", ".."), link("abs", "a/up/b"), file("b"), file("c d/é"), link("dangling", "nowhere/at/all"), link("z", "."),
	}))
}

func FuzzAManifestIsItsOwnText(f *testing.F) {
	text, err := build.EncodeManifest([]build.File{file("a"), link("l", "a"), {Path: "x", Mode: 0o755, SHA256: someSum, Class: build.Hashed}})
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte("muster manifest 1\n"))
	f.Add([]byte("muster manifest 1\nlink\ta\t..\n"))
	f.Add([]byte("muster manifest 1\nfile\t00644\t05\t" + someSum + "\t-\ta\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		files, err := build.ParseManifest(text)
		if err != nil {
			require.ErrorIs(t, err, build.ErrCorrupt)
			return
		}
		again, err := build.EncodeManifest(files)
		require.NoError(t, err)
		require.Equal(t, string(text), string(again))
	})
}

// tree writes files below a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	require.NoError(t, buildtest.WriteTree(dir, files))
	return dir
}

var sample = map[string]string{
	"index.html": "hello", "bin/run*": "#!/bin/sh\n", "copy": "hello", "empty": "", "sub/dir/deep.txt": strings.Repeat("deep", 100_000),
	"latest": "-> sub/dir", "sub/link": "-> ../index.html",
}

func TestARecordedDirectoryEqualsTheSameFilesInMemory(t *testing.T) {
	dir := tree(t, sample)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "nothing/in/it"), 0o755))
	require.NoError(t, os.Chmod(filepath.Join(dir, "index.html"), 0o660))
	a, err := build.Record(t.Context(), dir, build.RecordOptions{})
	require.NoError(t, err)
	require.Equal(t, buildtest.Artifact(sample).Manifest, a.Manifest)
	require.Equal(t, buildtest.Artifact(sample).Digest, a.Digest)
}

func TestADirectoryThatCannotBeAnArtifactIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"named pipe":         func(d string) error { return syscall.Mkfifo(filepath.Join(d, "bad"), 0o644) },
		"device":             func(d string) error { return syscall.Mknod(filepath.Join(d, "bad"), syscall.S_IFCHR|0o644, 1<<8|3) },
		"socket":             func(d string) error { return syscall.Mknod(filepath.Join(d, "bad"), syscall.S_IFSOCK|0o644, 0) },
		"control character":  func(d string) error { return os.WriteFile(filepath.Join(d, "bad\nname"), nil, 0o644) },
		"to \"/etc/passwd\"": func(d string) error { return os.Symlink("/etc/passwd", filepath.Join(d, "bad")) },
		"leads out":          func(d string) error { return os.Symlink("../bad", filepath.Join(d, "bad")) },
	} {
		dir := tree(t, sample)
		err := spoil(dir)
		if errors.Is(err, syscall.EPERM) {
			require.Equal(t, "device", name, "only a device needs privileges to be made")
			continue
		}
		require.NoError(t, err)
		_, err = build.Record(t.Context(), dir, build.RecordOptions{})
		require.ErrorContains(t, err, strings.TrimPrefix(name, "to "), name)
		require.ErrorContains(t, err, "bad", name)
	}
}

func TestLimitsOfATreeAreNamed(t *testing.T) {
	dir := tree(t, map[string]string{"a": "12345", "b": "12345"})
	for what, l := range map[string]build.Limits{"1 files": {Files: 1}, "4 bytes": {FileBytes: 4}, "9 bytes": {Bytes: 9}} {
		_, err := build.Record(t.Context(), dir, build.RecordOptions{Limits: l})
		var limit *build.LimitError
		require.ErrorAs(t, err, &limit)
		require.ErrorContains(t, err, "limit of "+what)
	}
}

func TestWhatIsOmittedAndClassedIsAsAsked(t *testing.T) {
	dir := tree(t, map[string]string{"a.js": "1", "tmp/x": "2", "log": "3"})
	a, err := build.Record(t.Context(), dir, build.RecordOptions{Omit: []string{"tmp", "log", "none"}, Classes: map[string]build.Class{"a.js": build.Hashed}})
	require.NoError(t, err)
	require.Len(t, a.Manifest, 1)
	require.Equal(t, build.Hashed, a.Manifest[0].Class)
	_, err = build.Record(t.Context(), dir, build.RecordOptions{Classes: map[string]build.Class{"b.js": build.Hashed}})
	require.ErrorContains(t, err, "b.js")
}

func TestLaw15_AFileThatChangedAfterItWasRecordedIsNeverKeptPackedOrUnpacked(t *testing.T) {
	dir := tree(t, sample)
	a, err := build.Record(t.Context(), dir, build.RecordOptions{})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bin/run"), []byte("#!/bin/zh\n"), 0o755))
	require.ErrorIs(t, build.Pack(t.Context(), io.Discard, a), build.ErrCorrupt)
	out := filepath.Join(t.TempDir(), "out")
	require.ErrorIs(t, build.Extract(t.Context(), a, out, build.UnpackOptions{}), build.ErrCorrupt)
	require.NoDirExists(t, out)
	store := &build.MemoryStore{}
	archive := build.NewArchive(store, "")
	require.ErrorIs(t, archive.Keep(t.Context(), a), build.ErrCorrupt)
	_, err = archive.Open(t.Context(), a.Digest)
	require.ErrorIs(t, err, build.ErrNotFound, "nothing half there")
}

func packed(t *testing.T, a *build.Artifact) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, build.Pack(t.Context(), &b, a))
	return b.Bytes()
}

func TestPacksOfEqualTreesAreEqualToTheByteAndUnpackToTheTree(t *testing.T) {
	dir := tree(t, sample)
	a, err := build.Record(t.Context(), dir, build.RecordOptions{})
	require.NoError(t, err)
	pack := packed(t, a)
	require.Equal(t, pack, packed(t, buildtest.Artifact(sample)))

	for _, sync := range []bool{false, true} {
		parent := t.TempDir()
		out := filepath.Join(parent, "out")
		require.NoError(t, build.Unpack(t.Context(), bytes.NewReader(pack), out, a.Manifest, build.UnpackOptions{Sync: sync}))
		again, err := build.Record(t.Context(), out, build.RecordOptions{})
		require.NoError(t, err)
		require.Equal(t, a.Digest, again.Digest)
		info, err := os.Stat(filepath.Join(out, "index.html"))
		require.NoError(t, err)
		require.True(t, info.ModTime().Equal(build.FileTime(a.Manifest[3])), a.Manifest[3].Path)
		require.Error(t, build.Unpack(t.Context(), bytes.NewReader(pack), out, a.Manifest, build.UnpackOptions{}), "it is there already")
	}
}

func TestATarIsAPackThatIsNotCompressed(t *testing.T) {
	a := buildtest.Artifact(sample)
	zip, err := gzip.NewReader(bytes.NewReader(packed(t, a)))
	require.NoError(t, err)
	want, err := io.ReadAll(zip)
	require.NoError(t, err)
	var got bytes.Buffer
	require.NoError(t, build.Tar(t.Context(), &got, a))
	require.Equal(t, want, got.Bytes())
}

func TestLaw15_APackOfSomebodyElsesFilesIsVerifiedToo(t *testing.T) {
	a := *buildtest.Artifact(map[string]string{"a": "one"})
	a.Files = fstest.MapFS{"a": {Data: []byte("two"), Mode: 0o644}}
	require.ErrorIs(t, build.Pack(t.Context(), io.Discard, &a), build.ErrCorrupt)
}

func TestAPackMayHaveAllItsNamesBelowADirectory(t *testing.T) {
	a := buildtest.Artifact(map[string]string{"bin/run": "#!/bin/sh", "l": "-> bin/run"})
	var b bytes.Buffer
	require.NoError(t, build.PackBelow(t.Context(), &b, a, "./app/"))
	zip, err := gzip.NewReader(&b)
	require.NoError(t, err)
	in := tar.NewReader(zip)
	for _, want := range []string{"./app/bin/run", "./app/l"} {
		h, err := in.Next()
		require.NoError(t, err)
		require.Equal(t, want, h.Name)
	}
	_, err = in.Next()
	require.ErrorIs(t, err, io.EOF)
}

func TestLaw15_APackThatDiffersFromTheManifestLeavesNothing(t *testing.T) {
	good := buildtest.Artifact(map[string]string{"a": "one", "b": "two", "l": "-> a"})
	pack := packed(t, good)
	bad := map[string][]byte{
		"empty": nil, "cut": pack[:len(pack)/2], "cut at its end": pack[:len(pack)-4], "no gzip": []byte("hello, world"),
		"other bytes":     packed(t, buildtest.Artifact(map[string]string{"a": "one", "b": "twO", "l": "-> a"})),
		"one more":        packed(t, buildtest.Artifact(map[string]string{"a": "one", "b": "two", "l": "-> a", "m": ""})),
		"one less":        packed(t, buildtest.Artifact(map[string]string{"a": "one", "b": "two"})),
		"other link":      packed(t, buildtest.Artifact(map[string]string{"a": "one", "b": "two", "l": "-> b"})),
		"link for a file": packed(t, buildtest.Artifact(map[string]string{"a": "one", "b": "-> a", "l": "-> a"})),
	}
	for i := range pack {
		b := bytes.Clone(pack)
		b[i] ^= 0x10
		bad["flipped"] = b
		for name, b := range bad {
			parent := t.TempDir()
			err := build.Unpack(t.Context(), bytes.NewReader(b), filepath.Join(parent, "out"), good.Manifest, build.UnpackOptions{})
			if err == nil && name == "flipped" {
				// Some bits of gzip carry no content: its time, the filling of a last byte.
				a, err := build.Record(t.Context(), filepath.Join(parent, "out"), build.RecordOptions{})
				require.NoError(t, err)
				require.Equal(t, good.Digest, a.Digest, "byte %d", i)
				continue
			}
			require.ErrorIs(t, err, build.ErrCorrupt, "%s %d", name, i)
			left, err := os.ReadDir(parent)
			require.NoError(t, err)
			require.Empty(t, left, name)
			delete(bad, name)
		}
	}
}

func TestAnArtifactComesBackFromItsArchiveWithItsTools(t *testing.T) {
	for name, store := range map[string]build.Store{"reads anywhere": &build.MemoryStore{}, "streams only": streaming{&build.MemoryStore{}}} {
		archive := build.NewArchive(store, t.TempDir())
		a := buildtest.Artifact(sample)
		a.Tools = []build.Tool{{Name: "ruby", Version: "3.2.2"}}
		require.NoError(t, archive.Keep(t.Context(), a), name)
		b, err := archive.Open(t.Context(), a.Digest)
		require.NoError(t, err, name)
		require.Equal(t, a.Manifest, b.Manifest)
		require.Equal(t, a.Tools, b.Tools)
		require.NoError(t, archive.Remove(t.Context(), a.Digest))
		require.Equal(t, packed(t, a), packed(t, b), "it stays good though it was removed")
		_, err = archive.Open(t.Context(), a.Digest)
		require.ErrorIs(t, err, build.ErrNotFound)
	}
}

// streaming is a store whose readers only read from the start.
type streaming struct{ build.Store }

func (s streaming) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	r, err := s.Store.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{r, r}, nil
}

func TestLaw15_AnArchiveThatWasTamperedWithIsCorruptWhereverItWas(t *testing.T) {
	a := buildtest.Artifact(map[string]string{"a": "one", "b": "two"})
	store := &build.MemoryStore{}
	archive := build.NewArchive(store, "")
	require.NoError(t, archive.Keep(t.Context(), a))
	key := "artifacts/" + strings.TrimPrefix(a.Digest, "sha256:")
	r, err := store.Get(t.Context(), key)
	require.NoError(t, err)
	good, err := io.ReadAll(r)
	require.NoError(t, err)
	for i := range good {
		b := bytes.Clone(good)
		b[i] ^= 1
		require.NoError(t, store.Put(t.Context(), key, bytes.NewReader(b)))
		got, err := archive.Open(t.Context(), a.Digest)
		if err == nil {
			err = build.Pack(t.Context(), io.Discard, got)
		}
		require.ErrorIs(t, err, build.ErrCorrupt, "byte %d", i)
	}
	for n := range good {
		require.NoError(t, store.Put(t.Context(), key, bytes.NewReader(good[:n])))
		got, err := archive.Open(t.Context(), a.Digest)
		if err == nil {
			err = build.Pack(t.Context(), io.Discard, got)
		}
		require.ErrorIs(t, err, build.ErrCorrupt, "cut at %d", n)
	}
}
