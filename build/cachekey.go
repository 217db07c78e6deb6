package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
	"sort"
)

// CacheKey is what decides whether a cached directory fits. Each field goes into
// the key by digest: directories with native parts are never taken to another
// system, toolchain or version of the builder.
type CacheKey struct {
	// Name says what is cached: "gems". It is one segment of a key.
	Name string
	// OS and Arch default to this machine's. Libc and its version matter where
	// native code is cached.
	OS, Arch, Libc string
	// Toolchain is the version of what made the directory: "ruby 3.2.2".
	Toolchain string
	// Builder is the builder's own version: raise it when it caches differently.
	Builder string
	// Inputs is a digest of what the directory is made from, as DigestFiles of the
	// lockfiles.
	Inputs string
}

// Exact is the key of a directory that was made from the same inputs.
func (k CacheKey) Exact() string { return k.Family() + shortDigest(k.Inputs) }

// Family ends with a slash and matches every directory that only other inputs were
// used for. Given to Restore it stands for the newest of them.
func (k CacheKey) Family() string {
	if k.OS == "" {
		k.OS = runtime.GOOS
	}
	if k.Arch == "" {
		k.Arch = runtime.GOARCH
	}
	return k.Name + "/" + shortDigest(k.OS, k.Arch, k.Libc, k.Toolchain, k.Builder) + "/"
}

// shortDigest returns 32 hexadecimal digits for a list of strings. Each is quoted,
// so that no two lists look the same.
func shortDigest(parts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return hex.EncodeToString(sum[:16])
}

// DigestFiles returns a digest of the names and the content of files of a
// workspace, relative to dir. One that is not there counts as such.
func DigestFiles(dir string, names ...string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("digest files: %w", err)
	}
	defer root.Close()
	names = append([]string(nil), names...)
	sort.Strings(names)
	sum := sha256.New()
	for _, name := range names {
		f, err := root.Open(name)
		if os.IsNotExist(err) {
			fmt.Fprintf(sum, "%q missing\n", name)
			continue
		}
		if err != nil {
			return "", fmt.Errorf("digest files: %w", err)
		}
		one := sha256.New()
		_, err = io.Copy(one, f)
		f.Close()
		if err != nil {
			return "", fmt.Errorf("digest files: %w", err)
		}
		fmt.Fprintf(sum, "%q %x\n", name, one.Sum(nil))
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}
