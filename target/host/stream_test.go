package host_test

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/host"
)

// library returns an artifact of files that do not compress, or do.
func library(n int, compresses bool) *build.Artifact {
	files := map[string]string{"app*": fmt.Sprintf("#!/bin/sh\necho %d\n", n)}
	for i := range 20 {
		text := noise(uint64(1000*n+i), 40_000)
		if compresses {
			text = strings.Repeat(text[:100], 400)
		}
		files[fmt.Sprintf("lib/%d", i)] = text
	}
	return buildtest.Artifact(files)
}

// forms notes the form of each pack that a host is sent, or told to fetch.
func forms(j *journey) *[]string {
	var seen []string
	before := j.transport.before
	j.transport.before = func(c host.Call) host.Call {
		if i := slices.IndexFunc(c.Args, func(a string) bool { return strings.HasPrefix(a, "packed=") }); i >= 0 {
			seen = append(seen, c.Args[i])
		}
		if before != nil {
			c = before(c)
		}
		return c
	}
	return &seen
}

func TestOnlyWhatGetsSmallerIsCompressed(t *testing.T) {
	t.Parallel()
	for name, path := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJourney(t, nil)
			j.transport.Shell = path
			seen := forms(j)
			j.ship(library(1, true))
			j.ship(library(2, false))
			j.serves(library(2, false))
			require.Equal(t, []string{"packed=gzip", "packed=tar"}, *seen)
		})
	}
}

func TestWhatIsFetchedIsOnlyCompressedIfItGetsSmallerToo(t *testing.T) {
	t.Parallel()
	j, _ := newFetching(t)
	seen := forms(j)
	j.ship(library(1, true))
	j.ship(library(2, false))
	j.serves(library(2, false))
	require.Equal(t, []string{"packed=gzip", "packed=tar"}, *seen)
}

// A connection that breaks leaves the script with an input that ends too soon.
func TestLaw15_AReleaseThatDidNotArriveWholeIsNone(t *testing.T) {
	t.Parallel()
	for name, compresses := range map[string]bool{"as it is": false, "compressed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJourney(t, nil)
			j.ship(artifact(1))
			a := library(2, compresses)
			manifest, err := build.EncodeManifest(a.Manifest)
			require.NoError(t, err)
			packed := int64(len(manifest))
			for _, n := range []int64{0, 100, packed - 1, packed, packed + 1, packed + 4000} {
				j.transport.before = func(c host.Call) host.Call {
					if c.Stdin != nil {
						c.Stdin = io.LimitReader(c.Stdin, n)
					}
					return c
				}
				phase := "unpack"
				if n < packed {
					phase = "fetch"
				}
				require.Equal(t, phase, j.failure(j.prepare(a)).Phase, "%d bytes", n)
				require.ErrorIs(t, j.activate(a), target.ErrUnprepared)
				for _, left := range []string{"releases/.tmp-*", ".muster/tmp-*"} {
					found, err := filepath.Glob(filepath.Join(j.root, left))
					require.NoError(t, err)
					require.Empty(t, found)
				}
			}
			j.transport.before = nil
			j.serves(artifact(1))
			j.ship(a)
			j.serves(a)
		})
	}
}

// Every host has dd, but not every dd reads a block whole from a pipe.
func TestAPlainDDWillDo(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	j.transport.Env = shim(t, "dd", `case "$*" in *fullblock*) exit 1 ;; esac; real "$@"`)
	j.ship(artifact(1))
	j.serves(artifact(1))
}
