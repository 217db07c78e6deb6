package s3store

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/build/s3store/s3test"
)

//go:embed policy.json
var policy []byte

// open returns a store in a bucket that only what policy.json allows can be done with.
func open(t testing.TB, b *s3test.Bucket) *Store {
	p, err := s3test.ParsePolicy(policy, "bytes", "artifacts/")
	require.NoError(t, err)
	b.Name, b.Policy = "bytes", p
	s, err := New(Config{Client: b, Bucket: "bytes", Prefix: "artifacts/"})
	require.NoError(t, err)
	return s
}

func TestTheStorePassesTheSuite(t *testing.T) {
	buildtest.TestStore(t, func(t *testing.T) buildtest.StorePlace {
		b := &s3test.Bucket{}
		return buildtest.StorePlace{Open: func() (build.Store, error) { return open(t, b), nil }}
	})
}

// noise returns bytes that are the same for the same seed.
func noise(seed uint64, size int) []byte {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(data)
	return data
}

func read(t testing.TB, s *Store, key string) []byte {
	r, err := s.Get(t.Context(), key)
	require.NoError(t, err)
	defer r.Close()
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	return data
}

// count says how many requests of each kind there were, and how many bytes were sent.
func count(b *s3test.Bucket) (counts map[string]int, bytes int64) {
	counts = map[string]int{}
	for _, c := range b.Calls() {
		counts[c.Operation]++
		bytes += c.Bytes
	}
	b.Forget()
	return counts, bytes
}

func TestOnlyWhatIsMissingIsUploaded(t *testing.T) {
	b := &s3test.Bucket{}
	content := noise(1, 16<<20)
	require.NoError(t, open(t, b).Put(t.Context(), "first", bytes.NewReader(content)))
	counts, sent := count(b)
	assert.InDelta(t, 16/1.5, counts["PutObject"], 5)
	assert.Equal(t, counts["PutObject"]-1, counts["HeadObject"], "each chunk is asked for, the list is not")
	assert.InDelta(t, 16<<20, sent, 1<<16)

	// A change in the midst of it that makes it longer.
	changed := append(append(append([]byte(nil), content[:8<<20]...), "some more"...), content[8<<20:]...)
	s := open(t, b) // A new process has seen nothing yet.
	require.NoError(t, s.Put(t.Context(), "second", bytes.NewReader(changed)))
	counts, sent = count(b)
	assert.LessOrEqual(t, counts["PutObject"], 4, "two chunks at most, and the list")
	assert.Less(t, sent, int64(2*maxChunk+1<<16))

	require.NoError(t, s.Put(t.Context(), "third", bytes.NewReader(changed)))
	counts, _ = count(b)
	assert.Equal(t, map[string]int{"PutObject": 1}, counts, "what this store has seen it does not ask for")

	assert.True(t, bytes.Equal(content, read(t, s, "first")))
	assert.True(t, bytes.Equal(changed, read(t, s, "third")))
}

func TestAnUploadThatBreaksOffGoesOnWhereItWas(t *testing.T) {
	b := &s3test.Bucket{}
	content := noise(2, 12<<20)
	broken := errors.New("the disk is gone")
	err := open(t, b).Put(t.Context(), "k", io.MultiReader(bytes.NewReader(content[:9<<20]), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
	_, err = open(t, b).Get(t.Context(), "k")
	require.ErrorIs(t, err, build.ErrNotFound)
	b.Forget()
	require.NoError(t, open(t, b).Put(t.Context(), "k", bytes.NewReader(content)))
	_, sent := count(b)
	assert.Less(t, sent, int64(9<<20))
	assert.True(t, bytes.Equal(content, read(t, open(t, b), "k")))
}

func TestASourceThatBreaksOffIsNotTheEnd(t *testing.T) {
	b := &s3test.Bucket{}
	for _, size := range []int{100, 3 << 20} {
		r := io.MultiReader(bytes.NewReader(noise(1, size)), iotest.ErrReader(io.ErrUnexpectedEOF))
		assert.ErrorIs(t, open(t, b).Put(t.Context(), "k", r), io.ErrUnexpectedEOF)
	}
	_, err := open(t, b).Get(t.Context(), "k")
	assert.ErrorIs(t, err, build.ErrNotFound)
}

func TestContentIsReadFromAnyPlace(t *testing.T) {
	b := &s3test.Bucket{}
	s := open(t, b)
	content := noise(3, 10<<20)
	require.NoError(t, s.Put(t.Context(), "k", bytes.NewReader(content)))
	require.NoError(t, s.Put(t.Context(), "small", strings.NewReader("hello")))
	b.Forget()

	r, err := s.Get(t.Context(), "k")
	require.NoError(t, err)
	defer r.Close()
	at := r.(io.ReaderAt)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			p := make([]byte, 2<<20)
			offset := int64(i) << 20
			n, err := at.ReadAt(p, offset)
			assert.NoError(t, err)
			assert.True(t, bytes.Equal(content[offset:offset+int64(n)], p))
		})
	}
	wait.Wait()
	n, err := at.ReadAt(make([]byte, 10), 10<<20-4)
	assert.Equal(t, 4, n)
	assert.ErrorIs(t, err, io.EOF)
	_, err = at.ReadAt(nil, -1)
	assert.Error(t, err)
	require.NoError(t, iotest.TestReader(io.NewSectionReader(at, 0, 1<<20), content[:1<<20]))

	require.NoError(t, r.Close())
	_, err = r.Read(make([]byte, 1))
	assert.Error(t, err)
	small, err := s.Get(t.Context(), "small")
	require.NoError(t, err)
	n, err = small.(io.ReaderAt).ReadAt(make([]byte, 3), 1)
	assert.Equal(t, 3, n)
	assert.NoError(t, err)
}

func TestWhatWasChangedBehindOurBackIsCorruptAndMendedByTheNextPut(t *testing.T) {
	content := noise(4, 5<<20)
	for name, damage := range map[string]func(*s3test.Bucket, string){
		"a chunk is gone": func(b *s3test.Bucket, key string) {
			_, err := b.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &b.Name, Key: &key})
			require.NoError(t, err)
		},
		"a chunk has changed": func(b *s3test.Bucket, key string) {
			_, err := b.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &b.Name, Key: &key, Body: strings.NewReader("something else")})
			require.NoError(t, err)
		},
		"a chunk is too long": func(b *s3test.Bucket, key string) {
			_, err := b.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &b.Name, Key: &key, Body: bytes.NewReader(make([]byte, maxChunk+1))})
			require.NoError(t, err)
		},
	} {
		b := &s3test.Bucket{}
		s := open(t, b)
		require.NoError(t, s.Put(t.Context(), "k", bytes.NewReader(content)))
		for _, key := range b.Keys() {
			if strings.HasPrefix(key, "artifacts/chunks/") {
				damage(b, key)
				break
			}
		}
		r, err := s.Get(t.Context(), "k")
		require.NoError(t, err)
		_, err = io.ReadAll(r)
		assert.ErrorIs(t, err, build.ErrCorrupt, name)
		assert.ErrorContains(t, err, "s3://bytes/artifacts/chunks/", name)
		if name == "a chunk is gone" {
			require.NoError(t, s.Put(t.Context(), "k", bytes.NewReader(content)))
			assert.True(t, bytes.Equal(content, read(t, s, "k")))
		}
	}
	b := &s3test.Bucket{}
	s := open(t, b)
	for _, object := range []string{"", "muster content 2: 1 bytes, sha256 00\nx", "muster content 1: 5 bytes, sha256 00\nhello"} {
		_, err := b.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &b.Name, Key: new("artifacts/contents/k"), Body: strings.NewReader(object)})
		require.NoError(t, err)
		_, err = s.Get(t.Context(), "k")
		assert.ErrorIs(t, err, build.ErrCorrupt, object)
	}
}

func TestPruneKeepsWhatIsNamedOrYoung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &s3test.Bucket{Page: 3}
		s := open(t, b)
		shared, gone, other := noise(5, 6<<20), noise(6, 6<<20), noise(7, 6<<20)
		require.NoError(t, s.Put(t.Context(), "one", io.MultiReader(bytes.NewReader(shared), bytes.NewReader(gone))))
		require.NoError(t, s.Put(t.Context(), "two", io.MultiReader(bytes.NewReader(shared), bytes.NewReader(other))))
		require.NoError(t, s.Delete(t.Context(), "one"))
		n, err := s.Prune(t.Context())
		require.NoError(t, err)
		assert.Zero(t, n, "all are young")

		// Somebody begins to use chunks again that are old, and unnamed: they become young.
		time.Sleep(kept - time.Hour)
		require.NoError(t, s.Put(t.Context(), "three", bytes.NewReader(shared)))
		time.Sleep(2 * time.Hour)
		before := len(b.Keys())
		b.Break(func(c s3test.Call) (f s3test.Fault) {
			if c.Operation == "ListObjectsV2" && strings.HasSuffix(c.Key, chunks) {
				f.Refuse = s3test.Failure(500, "InternalError", "no")
			}
			return f
		})
		_, err = s.Prune(t.Context())
		require.Error(t, err)
		assert.Len(t, b.Keys(), before, "nothing is deleted after an error")
		b.Break(nil)
		n, err = s.Prune(t.Context())
		require.NoError(t, err)
		assert.Positive(t, n)
		assert.Len(t, b.Keys(), before-n)
		assert.True(t, bytes.Equal(append(bytes.Clone(shared), other...), read(t, s, "two")))
		assert.True(t, bytes.Equal(shared, read(t, s, "three")))
	})
}

func TestAPutNeverReliesOnAChunkThatMayBePruned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &s3test.Bucket{}
		s := open(t, b)
		content := noise(8, 6<<20)
		require.NoError(t, s.Put(t.Context(), "one", bytes.NewReader(content)))
		require.NoError(t, s.Delete(t.Context(), "one"))
		time.Sleep(kept + time.Hour)
		for _, s := range []*Store{s, open(t, b)} {
			require.NoError(t, s.Put(t.Context(), "two", bytes.NewReader(content)))
			require.NoError(t, s.Delete(t.Context(), "two"))
			n, err := s.Prune(t.Context())
			require.NoError(t, err)
			assert.Zero(t, n)
		}
	})
}

func TestThePolicyAllowsNoMoreThanIsNeeded(t *testing.T) {
	b := &s3test.Bucket{}
	s := open(t, b)
	require.NoError(t, s.Put(t.Context(), "k", bytes.NewReader(noise(9, 1<<20))))
	read(t, s, "k")
	_, err := s.Prune(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Delete(t.Context(), "k"))
	assert.Empty(t, b.Policy.Unused(b.Calls()))
}

func TestErrorsSayWhatToDo(t *testing.T) {
	_, err := New(Config{Prefix: "x"})
	assert.ErrorContains(t, err, "no Client")
	assert.ErrorContains(t, err, "no Bucket")
	assert.ErrorContains(t, err, "end in a slash")
	for code, want := range map[string]string{
		"AccessDenied":          "the credentials lack s3:PutObject on s3://bytes/artifacts/contents/k",
		"ExpiredToken":          "the credentials have expired",
		"InvalidAccessKeyId":    "the server does not know the credentials",
		"SignatureDoesNotMatch": "the secret key is not that of the access key",
		"RequestTimeTooSkewed":  "this machine's clock",
		"PermanentRedirect":     "in another region",
		"NoSuchBucket":          "there is no bucket bytes",
		"QuotaExceeded":         "the server has no room left",
	} {
		b := &s3test.Bucket{}
		s := open(t, b)
		require.NoError(t, s.Put(t.Context(), "k", strings.NewReader("before")))
		b.Break(func(s3test.Call) s3test.Fault { return s3test.Fault{Refuse: s3test.Failure(400, code, "no")} })
		assert.ErrorContains(t, s.Put(t.Context(), "k", strings.NewReader("after")), want)
		b.Break(nil)
		assert.Equal(t, "before", string(read(t, s, "k")), code)
		require.NoError(t, s.Put(t.Context(), "k", strings.NewReader("after")), "the same call again finishes the work")
	}
}

// Credentials that expire anywhere in an upload leave what was there, and new ones
// finish it from where it was.
func TestCredentialsThatExpireInMidUpload(t *testing.T) {
	content := noise(1, 5<<20)
	for n := 0; ; n++ {
		b := &s3test.Bucket{}
		s := open(t, b)
		require.NoError(t, s.Put(t.Context(), "k", strings.NewReader("before")))
		var left atomic.Int64
		left.Store(int64(n))
		b.Break(func(s3test.Call) (f s3test.Fault) {
			if left.Add(-1) < 0 {
				f.Refuse = s3test.Failure(400, "ExpiredToken", "The provided token has expired.")
			}
			return f
		})
		err := s.Put(t.Context(), "k", bytes.NewReader(content))
		b.Break(nil)
		if err == nil {
			assert.Greater(t, n, 5)
			return
		}
		assert.ErrorContains(t, err, "the credentials have expired", "after %d requests", n)
		assert.Equal(t, "before", string(read(t, s, "k")), "after %d requests", n)
		require.NoError(t, s.Put(t.Context(), "k", bytes.NewReader(content)))
		assert.True(t, bytes.Equal(content, read(t, s, "k")))
	}
}

func TestUnderFaultsContentIsWholeOrNotAtAll(t *testing.T) {
	for seed := range uint64(5) {
		b := &s3test.Bucket{}
		s := open(t, b)
		var mu sync.Mutex
		random := rand.New(rand.NewPCG(seed, 1))
		b.Break(func(s3test.Call) (f s3test.Fault) {
			mu.Lock()
			defer mu.Unlock()
			switch random.IntN(20) {
			case 0:
				f.Refuse = s3test.Failure(503, "SlowDown", "Reduce your request rate.")
			case 1:
				f.Lose = errors.New("connection reset by peer")
			case 2, 3:
				f.Cut = 1000
			}
			return f
		})
		old, next := noise(seed, 3<<20), append(noise(seed, 2<<20), noise(seed+100, 2<<20)...)
		put := func(content []byte) error { return s.Put(t.Context(), "k", bytes.NewReader(content)) }
		for range 50 { // The same call again finishes the work.
			if put(old) == nil {
				break
			}
		}
		err := put(next)
		b.Break(nil)
		got := read(t, s, "k")
		if err == nil {
			assert.True(t, bytes.Equal(next, got), "seed %d", seed)
		} else {
			// The answer to the last request of all may have been lost.
			assert.True(t, bytes.Equal(old, got) || bytes.Equal(next, got), "seed %d: %d bytes", seed, len(got))
		}
	}
}

func TestABodyThatBreaksOffIsAskedForAgain(t *testing.T) {
	b := &s3test.Bucket{}
	s := open(t, b)
	content := noise(10, 3<<20)
	require.NoError(t, s.Put(t.Context(), "k", bytes.NewReader(content)))
	var asked atomic.Int64
	b.Break(func(s3test.Call) (f s3test.Fault) {
		if asked.Add(1)%2 == 1 {
			f.Cut = 20
		}
		return f
	})
	assert.True(t, bytes.Equal(content, read(t, s, "k")))
	b.Break(func(s3test.Call) s3test.Fault { return s3test.Fault{Cut: 20} })
	_, err := s.Get(t.Context(), "k")
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF, "but not for ever")
}

func TestAnAnswerThatWasLostIsReadBack(t *testing.T) {
	b := &s3test.Bucket{}
	s := open(t, b)
	b.Break(func(c s3test.Call) (f s3test.Fault) {
		if c.Operation == "PutObject" {
			f.Lose = errors.New("connection reset by peer")
		}
		return f
	})
	require.NoError(t, s.Put(t.Context(), "k", strings.NewReader("hello")))
	assert.Equal(t, "hello", string(read(t, s, "k")))
}

// sink counts how much of chunks is in flight.
type sink struct {
	*s3test.Bucket
	now, most atomic.Int64
}

func (s *sink) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	now := s.now.Add(*in.ContentLength)
	for {
		most := s.most.Load()
		if now <= most || s.most.CompareAndSwap(most, now) {
			break
		}
	}
	time.Sleep(time.Millisecond)
	s.now.Add(-*in.ContentLength)
	return &s3.PutObjectOutput{}, nil
}

func TestMemoryIsBoundedWhateverTheSize(t *testing.T) {
	k := &sink{Bucket: &s3test.Bucket{}}
	s, err := New(Config{Client: k, Bucket: "bytes"})
	require.NoError(t, err)
	// Zeros have no cuts: their chunks are the largest.
	require.NoError(t, s.Put(t.Context(), "k", io.LimitReader(zeros{}, 80<<20)))
	assert.LessOrEqual(t, k.most.Load(), int64(uploads*maxChunk))
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func FuzzAListThatIsReadIsExactlyWhatWouldBeWritten(f *testing.F) {
	for _, l := range []list{{}, {inline: []byte("hello\n")}, {chunks: []chunk{{digestOf(nil), 5}, {digestOf([]byte("x")), maxChunk}}}} {
		object, err := l.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(object)
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		l, err := parse(object)
		if err != nil {
			assert.ErrorIs(t, err, build.ErrCorrupt)
			return
		}
		again, err := l.encode()
		assert.NoError(t, err)
		assert.Equal(t, object, again)
	})
}

func FuzzPiecesMakeTheWhole(f *testing.F) {
	f.Add(uint64(1), 0)
	f.Add(uint64(2), minChunk)
	f.Add(uint64(3), 3*maxChunk+1)
	f.Fuzz(func(t *testing.T, seed uint64, size int) {
		content := noise(seed, max(0, size)%(4*maxChunk))
		c := newCutter(iotest.HalfReader(bytes.NewReader(content)))
		var whole []byte
		for {
			piece, err := c.next()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			require.LessOrEqual(t, len(piece), maxChunk)
			whole = append(whole, piece...)
			require.True(t, len(piece) > minChunk || len(whole) == len(content), fmt.Sprint(len(piece)))
		}
		require.True(t, bytes.Equal(content, whole))
	})
}
