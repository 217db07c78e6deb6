package filelock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/muster-deploy/muster/lock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAFileSaysWhatItHolds(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(filepath.Join(dir, "not", "there", "yet"))
	require.NoError(t, err)
	_, err = s.Swap(t.Context(), "payments/web", "", []byte("{}\n"))
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join(dir, "not", "there", "yet", "payments,web.doc"))
	require.NoError(t, err)
	assert.Equal(t, "muster document 1: payments/web version 1, 3 bytes, sha256 "+
		"ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356\n{}\n", string(data))
}

func TestADamagedFileIsAnErrorThatNamesItAndIsNeverOverwritten(t *testing.T) {
	good := string(document{key: "web", version: 7, data: []byte("hello")}.encode())
	for name, damaged := range map[string]string{
		"empty":              "",
		"cut off":            good[:len(good)-1],
		"cut in the header":  good[:20],
		"longer":             good + "x",
		"another byte":       good[:len(good)-1] + "x",
		"another version":    string(document{key: "web", version: 0, data: []byte("hello")}.encode()),
		"another's document": string(document{key: "search", version: 7, data: []byte("hello")}.encode()),
		"a later format":     "muster document 2: web\n",
		"a file of its own":  "{\n}",
		"huge":               good + string(make([]byte, 2*lock.MaxDocument)),
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "web.doc")
		require.NoError(t, os.WriteFile(path, []byte(damaged), 0o600))
		s, err := Open(dir)
		require.NoError(t, err)
		_, _, err = s.Load(t.Context(), "web")
		assert.ErrorIs(t, err, lock.ErrDamaged, name)
		assert.ErrorContains(t, err, dir, name)
		for _, old := range []lock.Version{"", "7"} {
			_, err = s.Swap(t.Context(), "web", old, []byte("new"))
			assert.ErrorIs(t, err, lock.ErrDamaged, name)
		}
		left, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, damaged, string(left), name)
	}
}

func TestAWriterThatHoldsTheLockDoesNotStopOthersForEver(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	require.NoError(t, err)
	unlock, err := directory(dir).Lock(t.Context(), "web.lock")
	require.NoError(t, err)
	defer unlock()

	ended, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	_, err = s.Swap(ended, "web", "", nil)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	_, _, err = s.Load(t.Context(), "web")
	assert.ErrorIs(t, err, lock.ErrNotFound, "a reader waits for nobody")

	s.patience = 5 * time.Millisecond
	_, err = s.Swap(t.Context(), "web", "", nil)
	assert.ErrorContains(t, err, "lock document web: another writer has held it for 5ms")
	s.patience = patience
	_, err = s.Swap(t.Context(), "other", "", nil)
	assert.NoError(t, err, "other documents have locks of their own")
}

func TestWritersOfOneStoreQueueForTheirTurn(t *testing.T) {
	s, err := Open(t.TempDir())
	require.NoError(t, err)
	unlock, err := s.lock(t.Context(), "web")
	require.NoError(t, err)
	ended, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	_, err = s.lock(ended, "web")
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	unlock()
	unlock, err = s.lock(t.Context(), "web")
	require.NoError(t, err)
	unlock()
}

func TestALockFileThatWasReplacedLocksNothing(t *testing.T) {
	dir := directory(t.TempDir())
	first, err := dir.Lock(t.Context(), "web.lock")
	require.NoError(t, err)
	defer first()
	require.NoError(t, os.Remove(dir.path("web.lock")))
	second, err := dir.tryLock("web.lock")
	require.NoError(t, err)
	require.NotNil(t, second)
	defer second.Close()
	third, err := dir.tryLock("web.lock")
	require.NoError(t, err)
	assert.Nil(t, third)
}

func TestOpenSaysWhyADirectoryCannotBe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err := Open(filepath.Join(path, "dir"))
	assert.ErrorContains(t, err, "open lock directory")
	assert.ErrorContains(t, err, path)
}

func TestAReadSyncsAVersionOnceAndAWriterNotAgain(t *testing.T) {
	d := newDisk(nil)
	s := newStore(d)
	_, err := s.Swap(t.Context(), "web", "", nil)
	require.NoError(t, err)
	steps := len(d.journal)
	_, _, err = s.Load(t.Context(), "web")
	require.NoError(t, err)
	assert.Len(t, d.journal, steps, "its own writing it knows")

	other := newStore(d)
	for range 3 {
		_, _, err = other.Load(t.Context(), "web")
		require.NoError(t, err)
	}
	assert.Len(t, d.journal, steps+1, "another's is synced once")
}

func TestManyOpeningsOfADirectoryWriteEachVersionOnce(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 4 {
		s, err := Open(dir) // flock tells two openings apart, as it does two processes
		require.NoError(t, err)
		wg.Go(func() {
			for added := 0; added < 10; {
				data, v, err := s.Load(t.Context(), "count")
				if err != nil && !errors.Is(err, lock.ErrNotFound) {
					t.Error(err)
					return
				}
				n, _ := strconv.Atoi(string(data))
				_, err = s.Swap(t.Context(), "count", v, []byte(strconv.Itoa(n+1)))
				if err == nil {
					added++
				} else if !errors.Is(err, lock.ErrConflict) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	s, err := Open(dir)
	require.NoError(t, err)
	data, v, err := s.Load(t.Context(), "count")
	require.NoError(t, err)
	assert.Equal(t, "40", string(data))
	assert.Equal(t, lock.Version("40"), v)
}

func FuzzAFileThatIsReadIsExactlyWhatWouldBeWritten(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(document{key: "a/b", version: 1}.encode())
	f.Add(document{key: "web", version: 1 << 60, data: []byte("x\ny")}.encode())
	f.Add([]byte("muster document 1: web version 007, 0 bytes, sha256 \n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := parse(data)
		if err != nil {
			assert.ErrorIs(t, err, lock.ErrDamaged)
			return
		}
		assert.NoError(t, lock.Check(d.key, d.data))
		assert.NotEmpty(t, d.name())
		assert.Equal(t, data, d.encode())
	})
}

func BenchmarkSwap(b *testing.B) {
	for _, size := range []int{1 << 10, lock.MaxDocument} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			s, err := Open(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			data := make([]byte, size)
			b.SetBytes(int64(size))
			var v lock.Version
			for b.Loop() {
				if v, err = s.Swap(context.Background(), "web", v, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	s, err := Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.Swap(context.Background(), "web", "", make([]byte, 1<<10)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := s.Load(context.Background(), "web"); err != nil {
			b.Fatal(err)
		}
	}
}
