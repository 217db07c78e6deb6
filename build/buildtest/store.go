package buildtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/muster-deploy/muster/build"
)

// StorePlace is where a store keeps its bytes.
type StorePlace struct {
	// Open returns a store on the place, each time another one: what one wrote the
	// next one reads. The place is empty at first.
	Open func() (build.Store, error)
}

// TestStore checks that a build.Store keeps its promises. Make is called for each
// check and returns a place of its own.
//
//	buildtest.TestStore(t, func(t *testing.T) buildtest.StorePlace {
//		dir := t.TempDir()
//		return buildtest.StorePlace{Open: func() (build.Store, error) { return build.OpenDirStore(dir) }}
//	})
func TestStore(t *testing.T, make func(t *testing.T) StorePlace) {
	t.Helper()
	storeSuite(live{t}, func() StorePlace { return make(t) })
}

// storeSuite runs all checks of a store.
func storeSuite(r reporter, make func() StorePlace) {
	checks := []struct {
		name  string
		check func(*storeCheck)
	}{
		{"what was put is there, to the byte", (*storeCheck).roundTrip},
		{"what was put is there for whoever opens the place again", (*storeCheck).reopened},
		{"what is not there is ErrNotFound", (*storeCheck).missing},
		{"a later put replaces", (*storeCheck).replaces},
		{"a reader that fails leaves nothing", (*storeCheck).failedReader},
		{"a reader that fails leaves what was there", (*storeCheck).failedReplacement},
		{"an ended context leaves nothing", (*storeCheck).endedContext},
		{"delete removes, also twice, and only that key", (*storeCheck).deletes},
		{"bad keys are refused", (*storeCheck).badKeys},
		{"good keys are taken", (*storeCheck).goodKeys},
		{"many writers of one key leave one whole content", (*storeCheck).concurrentWriters},
		{"what is open reads on while it is replaced", (*storeCheck).openReader},
	}
	for _, c := range checks {
		r.Run(c.name, func(r reporter) {
			r.Helper()
			c.check(newStoreCheck(r, make()))
		})
	}
}

// storeCheck is one check on one place.
type storeCheck struct {
	reporter
	place StorePlace
	store build.Store
}

func newStoreCheck(r reporter, p StorePlace) *storeCheck {
	c := &storeCheck{reporter: r, place: p}
	c.reopen()
	return c
}

// reopen opens the place again.
func (c *storeCheck) reopen() {
	s, err := c.place.Open()
	if err != nil {
		c.Fatalf("open the store: %v", err)
	}
	c.store = s
}

// put has to succeed.
func (c *storeCheck) put(key, content string) {
	c.Helper()
	if err := c.store.Put(c.Context(), key, strings.NewReader(content)); err != nil {
		c.Fatalf("Put(%q): %v", key, err)
	}
}

// read returns what is under key.
func (c *storeCheck) read(key string) (string, error) {
	r, err := c.store.Get(c.Context(), key)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

// holds checks what is under key.
func (c *storeCheck) holds(key, want string) {
	c.Helper()
	got, err := c.read(key)
	if err != nil {
		c.Errorf("Get(%q): %v", key, err)
	} else if got != want {
		c.Errorf("Get(%q) yields %.40q (%d bytes), want %.40q (%d bytes)", key, got, len(got), want, len(want))
	}
}

// absent checks that nothing is under key.
func (c *storeCheck) absent(key string) {
	c.Helper()
	if got, err := c.read(key); !errors.Is(err, build.ErrNotFound) {
		c.Errorf("Get(%q) yields %.40q and error %v, want ErrNotFound", key, got, err)
	}
}

func (c *storeCheck) roundTrip() {
	large := strings.Repeat("0123456789abcdef\x00\r\n", 1<<15)
	for key, content := range map[string]string{"a": "hello", "dir/empty": "", "dir/large": large} {
		c.put(key, content)
		c.holds(key, content)
	}
	// Short reads and an end that comes with the last bytes are nothing special.
	if err := c.store.Put(c.Context(), "odd", iotest.DataErrReader(iotest.OneByteReader(strings.NewReader("odd")))); err != nil {
		c.Errorf("Put from a reader of single bytes: %v", err)
	}
	c.holds("odd", "odd")
}

func (c *storeCheck) reopened() {
	c.put("a/b", "kept")
	c.reopen()
	c.holds("a/b", "kept")
}

func (c *storeCheck) missing() {
	c.absent("nothing")
	c.absent("no/such/key")
	c.put("dir/key", "x")
	c.absent("dir")
}

func (c *storeCheck) replaces() {
	c.put("k", "a long first content")
	c.put("k", "short")
	c.holds("k", "short")
	c.reopen()
	c.holds("k", "short")
}

var errReader = errors.New("the reader broke")

// broken yields some bytes, then an error.
func broken() io.Reader {
	return io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), iotest.ErrReader(errReader))
}

func (c *storeCheck) failedReader() {
	if err := c.store.Put(c.Context(), "k", broken()); !errors.Is(err, errReader) {
		c.Errorf("Put from a reader that fails returns %v, want the reader's error", err)
	}
	c.absent("k")
	c.reopen()
	c.absent("k")
}

func (c *storeCheck) failedReplacement() {
	c.put("k", "before")
	if err := c.store.Put(c.Context(), "k", broken()); !errors.Is(err, errReader) {
		c.Errorf("Put from a reader that fails returns %v, want the reader's error", err)
	}
	c.holds("k", "before")
	c.reopen()
	c.holds("k", "before")
}

func (c *storeCheck) endedContext() {
	ctx, cancel := context.WithCancel(c.Context())
	cancel()
	if err := c.store.Put(ctx, "k", strings.NewReader("late")); !errors.Is(err, context.Canceled) {
		c.Errorf("Put with an ended context returns %v, want context.Canceled", err)
	}
	c.absent("k")
	// In the midst of it: the context ends while the reader is read.
	ctx, cancel = context.WithCancel(c.Context())
	r := io.MultiReader(strings.NewReader("early"), hook(cancel), strings.NewReader("late"))
	if err := c.store.Put(ctx, "k", r); !errors.Is(err, context.Canceled) {
		c.Errorf("Put whose context ends on the way returns %v, want context.Canceled", err)
	}
	c.absent("k")
}

// hook is a reader without content that calls f.
type hook func()

func (h hook) Read([]byte) (int, error) { h(); return 0, io.EOF }

func (c *storeCheck) deletes() {
	c.put("a/one", "1")
	c.put("a/two", "2")
	for range 2 {
		if err := c.store.Delete(c.Context(), "a/one"); err != nil {
			c.Errorf("Delete: %v", err)
		}
		c.absent("a/one")
	}
	c.holds("a/two", "2")
	c.reopen()
	c.absent("a/one")
	c.holds("a/two", "2")
}

func (c *storeCheck) badKeys() {
	c.put("victim", "safe")
	for _, key := range []string{"", "/", "/abs", "a/", "a//b", ".", "..", "../victim", "a/../victim", "a/./b", "a b", "a\nb", "a\x00b", "ä", "a~b", "a\\b"} {
		if err := c.store.Put(c.Context(), key, strings.NewReader("bad")); err == nil {
			c.Errorf("Put(%q) is accepted", key)
		}
		if _, err := c.read(key); err == nil {
			c.Errorf("Get(%q) is accepted", key)
		}
		if err := c.store.Delete(c.Context(), key); err == nil {
			c.Errorf("Delete(%q) is accepted", key)
		}
	}
	c.holds("victim", "safe")
}

func (c *storeCheck) goodKeys() {
	keys := []string{"a", "A", "0", "a.b", ".hidden", "-x", "_", "...", "deep/er/and/deep.er", strings.Repeat("k", 200)}
	for _, key := range keys {
		c.put(key, "content of "+key)
	}
	for _, key := range keys {
		c.holds(key, "content of "+key)
	}
}

func (c *storeCheck) concurrentWriters() {
	var contents []string
	for i := range 8 {
		contents = append(contents, strings.Repeat(fmt.Sprint(i), 200_000+i))
	}
	var wait sync.WaitGroup
	for _, content := range contents {
		wait.Go(func() {
			if err := c.store.Put(c.Context(), "k", strings.NewReader(content)); err != nil {
				c.Errorf("Put beside others: %v", err)
			}
			if got, err := c.read("k"); err != nil || !slices.Contains(contents, got) {
				c.Errorf("Get beside writers yields %d bytes that nobody put, error %v", len(got), err)
			}
		})
	}
	wait.Wait()
	if got, err := c.read("k"); err != nil || !slices.Contains(contents, got) {
		c.Errorf("after all writers Get yields %d bytes that nobody put, error %v", len(got), err)
	}
}

func (c *storeCheck) openReader() {
	old := strings.Repeat("old", 100_000)
	c.put("k", old)
	r, err := c.store.Get(c.Context(), "k")
	if err != nil {
		c.Fatalf("Get: %v", err)
	}
	defer r.Close()
	c.put("k", strings.Repeat("new", 100_000))
	if got, err := io.ReadAll(r); err == nil && string(got) != old {
		c.Errorf("a reader that was open before a replacement mixes old and new")
	}
}
