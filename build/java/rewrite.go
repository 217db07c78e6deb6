package java

import (
	"archive/zip"
	"cmp"
	"hash/crc32"
	"io"
	"path"
	"slices"
	"strings"
)

// entry is a file of a jar that is written: one of another jar, as it is there, or
// a text.
type entry struct {
	name string
	from *zip.File
	text string // where from is nil
}

// zipDate is the first of February 1980 in the form of a zip file, fixedTime.
const zipDate = 2<<5 | 1

// utf8Names is the flag of a zip file's entry that says how its name is written.
const utf8Names = 0x800

// writeJar writes a jar that depends on nothing but the entries: the manifest first,
// where Java looks for it, then the rest by name, all with one time. Directories get
// entries of their own, because Spring looks for classes by those.
func writeJar(w io.Writer, entries []entry) error {
	z := zip.NewWriter(w)
	for _, e := range arrange(entries) {
		if err := e.write(z); err != nil {
			return err
		}
	}
	return z.Close()
}

// arrange sorts the entries and adds their directories.
func arrange(entries []entry) []entry {
	var list []entry
	known := map[string]bool{}
	for _, e := range entries {
		if strings.HasSuffix(e.name, "/") {
			e.name = path.Clean(e.name) + "/"
			if known[e.name] {
				continue
			}
			known[e.name] = true
			e.from = nil
		}
		list = append(list, e)
		for dir := path.Dir(path.Clean(e.name)); dir != "." && !known[dir+"/"]; dir = path.Dir(dir) {
			known[dir+"/"] = true
			list = append(list, entry{name: dir + "/"})
		}
	}
	slices.SortFunc(list, func(a, b entry) int {
		return cmp.Or(cmp.Compare(rank(a.name), rank(b.name)), strings.Compare(a.name, b.name))
	})
	return list
}

// rank puts the manifest first.
func rank(name string) int {
	if at := slices.Index([]string{"META-INF/", manifestName}, name); at >= 0 {
		return at
	}
	return 2
}

// write adds the entry. What comes from a jar is not compressed again.
func (e entry) write(z *zip.Writer) error {
	//lint:ignore SA1019 CreateRaw writes this field, and not Modified.
	h := zip.FileHeader{Name: e.name, Flags: utf8Names, ModifiedDate: zipDate}
	if e.from == nil {
		return e.writeText(z, h)
	}
	raw, err := e.from.OpenRaw()
	if err != nil {
		return err
	}
	h.Method, h.CRC32 = e.from.Method, e.from.CRC32
	h.CompressedSize64, h.UncompressedSize64 = e.from.CompressedSize64, e.from.UncompressedSize64
	w, err := z.CreateRaw(&h)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, raw)
	return err
}

// writeText adds a text, or a directory. It is stored as it is: Go's compressor may
// change with its version.
func (e entry) writeText(z *zip.Writer, h zip.FileHeader) error {
	size := uint64(len(e.text))
	h.CompressedSize64, h.UncompressedSize64, h.CRC32 = size, size, crc32.ChecksumIEEE([]byte(e.text))
	w, err := z.CreateRaw(&h)
	if err != nil || e.text == "" {
		return err
	}
	_, err = io.WriteString(w, e.text)
	return err
}
