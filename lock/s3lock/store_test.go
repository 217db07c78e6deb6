package s3lock

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/lock/locktest"
)

//go:embed policy.json
var policy []byte

// place is a bucket that only what policy.json allows can be done with.
func place(t testing.TB, b *s3test.Bucket) locktest.Place {
	p, err := s3test.ParsePolicy(policy, "locks", "muster/")
	require.NoError(t, err)
	b.Name, b.Policy = "locks", p
	return locktest.PlaceFunc(func(ctx context.Context) (lock.Store, error) {
		return Open(ctx, Config{Client: b, Bucket: "locks", Prefix: "muster/"})
	})
}

func open(t testing.TB, b *s3test.Bucket) *Store {
	s, err := place(t, b).Open(t.Context())
	require.NoError(t, err)
	return s.(*Store)
}

func TestTheStorePassesTheSuite(t *testing.T) {
	locktest.TestStore(t, func(t testing.TB) locktest.Place {
		return place(t, &s3test.Bucket{})
	}, locktest.Options{InMemory: true})
}

// bad is a bad network, the same for the same seed: of a hundred requests eight are
// refused, the answers of six are lost and three break off, two hit a conflict, and
// one hangs.
func bad(seed uint64) func(s3test.Call) s3test.Fault {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0))
	return func(s3test.Call) s3test.Fault {
		mu.Lock()
		defer mu.Unlock()
		f := s3test.Fault{Delay: time.Duration(random.IntN(10)) * time.Millisecond}
		switch random.IntN(100) {
		case 0, 1, 2, 3:
			f.Refuse = errors.New("connection refused")
		case 4, 5, 6, 7:
			f.Lose = errors.New("connection reset by peer")
		case 8, 9:
			f.Refuse = s3test.Failure(503, "SlowDown", "Reduce your request rate.")
		case 10, 11:
			f.Refuse = s3test.Failure(409, "ConditionalRequestConflict", "The conditional request cannot succeed due to a conflicting operation.")
		case 12, 13:
			f.Lose = s3test.Failure(500, "InternalError", "We encountered an internal error.")
		case 14, 15, 16:
			f.Cut = 7
		case 17:
			f.Delay = 3 * time.Second // longer than the first try lasts
		}
		return f
	}
}

func TestTheStorePassesTheSuiteOverABadNetwork(t *testing.T) {
	// Where many write at once, an answer that was lost can be one that nobody can
	// find any more: those checks count on every answer and are left to the next test.
	together := map[string]bool{"create race": true, "lost update": true, "linearizable": true}
	for _, c := range locktest.Checks() {
		if together[c.Name] {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(5) {
				synctest.Test(t, func(t *testing.T) {
					b := &s3test.Bucket{}
					p := place(t, b)
					b.Break(bad(seed))
					err := c.Do(t.Context(), p, locktest.Options{Lease: 10 * time.Minute, Limit: time.Hour})
					assert.NoError(t, err, "%s, seed %d", c.Promise, seed)
				})
			}
		})
	}
}

func TestALeaseCostsTwoRequestsARenewalOneAReleaseOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &s3test.Bucket{}
		s := open(t, b)
		for range 2 { // never granted, and released
			b.Forget()
			l, err := lock.Acquire(t.Context(), s, "web/lease", lock.Options{Duration: 15 * time.Second})
			require.NoError(t, err)
			assert.Equal(t, []string{"GetObject", "PutObject"}, operations(b), "acquire")
			time.Sleep(5*time.Second + time.Millisecond)
			synctest.Wait()
			assert.Equal(t, []string{"PutObject"}, operations(b), "renewal")
			require.NoError(t, l.Close(t.Context()))
			assert.Equal(t, []string{"PutObject"}, operations(b), "release")
		}
	})
}

// operations lists the requests since the last time.
func operations(b *s3test.Bucket) []string {
	var list []string
	for _, c := range b.Calls() {
		list = append(list, c.Operation)
	}
	b.Forget()
	return list
}

func TestOpeningCostsThreeRequestsOnceAndTwoFromThenOn(t *testing.T) {
	b := &s3test.Bucket{}
	open(t, b)
	assert.Len(t, operations(b), 3)
	open(t, b)
	assert.Len(t, operations(b), 2)
	assert.Equal(t, []string{"muster/~conditional-writes"}, b.Keys())
}

func TestThePolicyAllowsNoMoreThanIsNeeded(t *testing.T) {
	b := &s3test.Bucket{}
	s := open(t, b)
	_, _, err := s.Load(t.Context(), "web")
	require.ErrorIs(t, err, lock.ErrNotFound)
	v, err := s.Swap(t.Context(), "web", "", []byte("1"))
	require.NoError(t, err)
	_, err = s.Swap(t.Context(), "web", v, []byte("2"))
	require.NoError(t, err)
	assert.Empty(t, b.Policy.Unused(b.Calls()))
}

func TestAWriteThatWasLostAndRefusedWhenRepeatedIsOurs(t *testing.T) {
	for name, fault := range map[string]error{
		"connection reset": errors.New("connection reset by peer"),
		"500":              s3test.Failure(500, "InternalError", "We encountered an internal error."),
		"repeated by a proxy, which passes on the second answer": s3test.Failure(412, "PreconditionFailed", "no"),
	} {
		synctest.Test(t, func(t *testing.T) {
			b := &s3test.Bucket{}
			s := open(t, b)
			loseNext(b, fault)
			v, err := s.Swap(t.Context(), "web", "", []byte("first"))
			require.NoError(t, err, name)
			loseNext(b, fault)
			v, err = s.Swap(t.Context(), "web", v, []byte("second"))
			require.NoError(t, err, name)
			data, loaded, err := s.Load(t.Context(), "web")
			require.NoError(t, err)
			assert.Equal(t, "second", string(data))
			assert.Equal(t, v, loaded, "the version that was found is the one that is there")
		})
	}
}

// loseNext lets the next answer to a write be lost.
func loseNext(b *s3test.Bucket, err error) {
	var once sync.Once
	b.Break(func(c s3test.Call) (f s3test.Fault) {
		if c.Operation == "PutObject" {
			once.Do(func() { f.Lose = err })
		}
		return f
	})
}

func TestAWriteThatWasLostAndReplacedIsNoConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &s3test.Bucket{}
		s, other := open(t, b), open(t, b)
		// A proxy repeats the write and passes on the second answer; before it does,
		// somebody else goes on from what was written.
		replace := func(c s3test.Call) s3test.Fault {
			b.Break(nil)
			time.AfterFunc(1, func() { // time goes on once the write is done, and its answer lost
				_, v, err := other.Load(context.Background(), "web")
				assert.NoError(t, err)
				_, err = other.Swap(context.Background(), "web", v, []byte("theirs"))
				assert.NoError(t, err)
			})
			return s3test.Fault{Lose: errors.New("connection reset by peer")}
		}
		b.Break(replace)
		_, err := s.Swap(t.Context(), "web", "", []byte("ours"))
		require.Error(t, err)
		assert.NotErrorIs(t, err, lock.ErrConflict, "it was written")
		assert.ErrorContains(t, err, "replaced by another write since")
	})
}

func TestAConflictIsCertainAlsoAfterAnAnswerThatWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &s3test.Bucket{}
		s, other := open(t, b), open(t, b)
		_, err := other.Swap(t.Context(), "web", "", []byte("theirs"))
		require.NoError(t, err)
		loseNext(b, errors.New("connection reset by peer"))
		_, err = s.Swap(t.Context(), "web", "", []byte("ours"))
		assert.ErrorIs(t, err, lock.ErrConflict)
	})
}

func TestAConflictOfRequestsIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &s3test.Bucket{}
		s := open(t, b)
		b.Forget()
		busy := s3test.Failure(409, "ConditionalRequestConflict", "The conditional request cannot succeed due to a conflicting operation.")
		b.Break(func(s3test.Call) (f s3test.Fault) {
			if len(b.Calls()) < 3 {
				f.Refuse = busy
			}
			return f
		})
		v, err := s.Swap(t.Context(), "web", "", []byte("first"))
		require.NoError(t, err)
		assert.Len(t, b.Calls(), 4)
		b.Break(func(s3test.Call) s3test.Fault { return s3test.Fault{Refuse: busy} })
		_, err = s.Swap(t.Context(), "web", v, []byte("second"))
		assert.NotErrorIs(t, err, lock.ErrConflict, "nobody else has written")
		assert.ErrorContains(t, err, "ConditionalRequestConflict")
	})
}

func TestAfterTooManyWritesNobodyCanTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &s3test.Bucket{}
		s := open(t, b)
		first, err := s.Swap(t.Context(), "web", "", []byte("0"))
		require.NoError(t, err)
		for v := first; len(strings.Fields(string(v))) <= remembered || v == first; {
			v, err = s.Swap(t.Context(), "web", v, []byte("more"))
			require.NoError(t, err)
		}
		_, v, err := s.Load(t.Context(), "web")
		require.NoError(t, err)
		_, err = s.Swap(t.Context(), "web", v, []byte("one more"))
		require.NoError(t, err)
		_, err = s.Swap(t.Context(), "web", first, []byte("late"))
		assert.ErrorIs(t, err, lock.ErrConflict, "no answer was lost: nothing was written")
		loseNext(b, errors.New("connection reset by peer"))
		_, err = s.Swap(t.Context(), "web", first, []byte("late"))
		require.Error(t, err)
		assert.NotErrorIs(t, err, lock.ErrConflict)
	})
}

// deaf is a server that ignores a condition.
type deaf struct {
	*s3test.Bucket
	ignore func(*s3.PutObjectInput)
}

func (d deaf) PutObject(ctx context.Context, in *s3.PutObjectInput, o ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	d.ignore(in)
	return d.Bucket.PutObject(ctx, in, o...)
}

func TestAServerThatIgnoresAConditionIsRefusedByName(t *testing.T) {
	for header, ignore := range map[string]func(*s3.PutObjectInput){
		"If-None-Match: *": func(in *s3.PutObjectInput) { in.IfNoneMatch = nil },
		"If-Match":         func(in *s3.PutObjectInput) { in.IfMatch = nil },
	} {
		_, err := Open(t.Context(), Config{Client: deaf{&s3test.Bucket{}, ignore}, Bucket: "locks"})
		assert.ErrorIs(t, err, ErrConditions, header)
		assert.ErrorContains(t, err, header)
	}
	b := &s3test.Bucket{}
	b.Break(func(s3test.Call) s3test.Fault {
		return s3test.Fault{Refuse: s3test.Failure(501, "NotImplemented", "A header you provided implies functionality that is not implemented")}
	})
	_, err := Open(t.Context(), Config{Client: b, Bucket: "locks"})
	assert.ErrorIs(t, err, ErrConditions)
	assert.Len(t, b.Calls(), 1, "asked once")
}

func TestErrorsSayWhatToDo(t *testing.T) {
	_, err := Open(t.Context(), Config{Prefix: "muster"})
	assert.ErrorContains(t, err, "NewClient")
	assert.ErrorContains(t, err, "no Bucket")
	assert.ErrorContains(t, err, "end in a slash")

	_, err = Open(t.Context(), Config{Client: &s3test.Bucket{Name: "locks"}, Bucket: "lcoks"})
	assert.ErrorContains(t, err, "there is no bucket lcoks")
	assert.NotErrorIs(t, err, ErrConditions)

	for code, want := range map[string]string{
		"AccessDenied":                 "the credentials lack s3:PutObject on s3://locks/web",
		"ExpiredToken":                 "the credentials have expired",
		"AuthorizationHeaderMalformed": "in another region",
		"InvalidAccessKeyId":           "the server does not know the credentials",
		"SignatureDoesNotMatch":        "the secret key is not that of the access key",
		"QuotaExceeded":                "the server has no room left",
	} {
		b := &s3test.Bucket{}
		s := open(t, b)
		b.Forget()
		b.Break(func(s3test.Call) s3test.Fault { return s3test.Fault{Refuse: s3test.Failure(400, code, "no")} })
		s.prefix = ""
		_, err := s.Swap(t.Context(), "web", "", nil)
		assert.ErrorContains(t, err, want)
		assert.Len(t, b.Calls(), 1, "%s is no use asking again", code)
	}
}

func TestAnObjectThatIsNoDocumentIsDamaged(t *testing.T) {
	good := document{key: "web", writes: []string{"ABCDEFGHIJKLMNOP"}, data: []byte("hello")}.encode()
	for name, object := range map[string][]byte{
		"empty":             nil,
		"cut off":           good[:len(good)-1],
		"longer":            append(bytes.Clone(good), 'x'),
		"another's":         document{key: "api", writes: []string{"ABCDEFGHIJKLMNOP"}}.encode(),
		"without a write":   document{key: "web"}.encode(),
		"a later format":    []byte("muster document 2: web\n"),
		"too large":         append(bytes.Clone(good), make([]byte, 2*lock.MaxDocument)...),
		"somebody's upload": []byte("{\n}\n"),
	} {
		b := &s3test.Bucket{}
		s := open(t, b)
		_, err := b.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("locks"), Key: new("muster/web"), Body: bytes.NewReader(object)})
		require.NoError(t, err)
		_, _, err = s.Load(t.Context(), "web")
		assert.ErrorIs(t, err, lock.ErrDamaged, name)
		assert.ErrorContains(t, err, "s3://locks/muster/web", name)
		_, err = s.Swap(t.Context(), "web", "", []byte("new"))
		assert.ErrorIs(t, err, lock.ErrDamaged, name)
	}
}

func FuzzAnObjectThatIsReadIsExactlyWhatWouldBeWritten(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(document{key: "web", writes: []string{"ABCDEFGHIJKLMNOP", "ABCDEFGHIJKLMNOQ"}, data: []byte("x\ny")}.encode())
	f.Add([]byte("muster document 1: web written as A after B, 0 bytes, sha256 \n"))
	f.Fuzz(func(t *testing.T, object []byte) {
		d, err := parse(object, "web")
		if err != nil {
			assert.ErrorIs(t, err, lock.ErrDamaged)
			return
		}
		assert.Equal(t, object, d.encode())
	})
}

func FuzzAVersionThatIsReadIsExactlyWhatWouldBeNamed(f *testing.F) {
	f.Add("")
	f.Add(`"0123" ABCDEFGHIJKLMNOP ABCDEFGHIJKLMNOQ`)
	f.Add(`"0123" ABCDEFGHIJKLMNOP"0123" ABCDEFGHIJKLMNOP`)
	f.Fuzz(func(t *testing.T, name string) {
		if v, ok := parseVersion(lock.Version(name)); ok {
			assert.Equal(t, lock.Version(name), v.name())
		}
	})
}
