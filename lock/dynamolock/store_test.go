package dynamolock

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/internal/contentiontest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/lock/dynamolock/dynamotest"
	"github.com/muster-deploy/muster/lock/locktest"
)

func open(t testing.TB, table *dynamotest.Table) *Store {
	s, err := New(Config{Client: table, Table: "muster"})
	require.NoError(t, err)
	return s
}

func place(t testing.TB, table *dynamotest.Table) locktest.Place {
	return locktest.PlaceFunc(func(context.Context) (lock.Store, error) { return open(t, table), nil })
}

func TestTheStorePassesTheSuite(t *testing.T) {
	locktest.TestStore(t, func(t testing.TB) locktest.Place {
		return place(t, &dynamotest.Table{Name: "muster"})
	}, locktest.Options{InMemory: true})
}

// bad is a bad network, the same for the same seed: of a hundred requests eight are
// refused or throttled, the answers of six are lost, and one hangs.
func bad(seed uint64) func(string) dynamotest.Fault {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0))
	return func(string) dynamotest.Fault {
		mu.Lock()
		defer mu.Unlock()
		f := dynamotest.Fault{Delay: time.Duration(random.IntN(10)) * time.Millisecond}
		switch random.IntN(100) {
		case 0, 1, 2, 3:
			f.Refuse = errors.New("connection refused")
		case 4, 5, 6, 7:
			f.Lose = errors.New("connection reset by peer")
		case 8, 9, 10, 11:
			f.Refuse = dynamotest.Failure(400, "ThrottlingException", "Rate exceeded")
		case 12, 13:
			f.Lose = dynamotest.Failure(500, "InternalServerError", "Internal server error")
		case 14:
			f.Delay = 3 * time.Second // longer than the first try lasts
		}
		return f
	}
}

func TestTheStorePassesTheSuiteOverABadNetwork(t *testing.T) {
	// Where many write at once, an answer that was lost can be one that nobody can
	// find any more: those checks count on every answer and are left to the next test.
	together := []string{"create race", "lost update", "linearizable"}
	for _, c := range locktest.Checks() {
		if slices.Contains(together, c.Name) {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(5) {
				synctest.Test(t, func(t *testing.T) {
					table := &dynamotest.Table{}
					table.Break(bad(seed))
					err := c.Do(t.Context(), place(t, table), locktest.Options{Lease: 10 * time.Minute, Limit: time.Hour})
					assert.NoError(t, err, "%s, seed %d", c.Promise, seed)
				})
			}
		})
	}
}

func TestSixteenContendersOverABadNetworkAreToldTheTruth(t *testing.T) {
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			table := &dynamotest.Table{}
			stores := []lock.Store{open(t, table), open(t, table), open(t, table), open(t, table)}
			table.Break(bad(seed))
			unanswered := contentiontest.Run(t.Context(), t, stores, 2000)
			t.Logf("seed %d: %d writes without an answer", seed, unanswered)
		})
	}
}

func TestNeverTwoHoldALeaseOverABadNetwork(t *testing.T) {
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			table := &dynamotest.Table{}
			stores := []lock.Store{open(t, table), open(t, table), open(t, table), open(t, table)}
			table.Break(bad(seed))
			contentiontest.Leases(t.Context(), t, stores, 5)
		})
	}
}

func TestALeaseCostsTwoRequestsARenewalOneAReleaseOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := &dynamotest.Table{}
		for range 2 { // never granted, and released
			l, err := lock.Acquire(t.Context(), open(t, table), "web/lease", lock.Options{Duration: 15 * time.Second})
			require.NoError(t, err)
			assert.Equal(t, []string{"GetItem", "PutItem"}, table.Calls(), "acquire")
			time.Sleep(5*time.Second + time.Millisecond)
			synctest.Wait()
			assert.Equal(t, []string{"PutItem"}, table.Calls(), "renewal")
			require.NoError(t, l.Close(t.Context()))
			assert.Equal(t, []string{"PutItem"}, table.Calls(), "release")
		}
	})
}

// loseNext lets the next answer to a write be lost.
func loseNext(table *dynamotest.Table, err error) {
	var once sync.Once
	table.Break(func(operation string) (f dynamotest.Fault) {
		if operation == "PutItem" {
			once.Do(func() { f.Lose = err })
		}
		return f
	})
}

func TestAWriteThatWasLostAndRefusedWhenRepeatedIsOurs(t *testing.T) {
	for name, fault := range map[string]error{
		"connection reset": errors.New("connection reset by peer"),
		"500":              dynamotest.Failure(500, "InternalServerError", "Internal server error"),
		"repeated by a proxy, which passes on the second answer": dynamotest.Failure(400, "ConditionalCheckFailedException", "no"),
	} {
		synctest.Test(t, func(t *testing.T) {
			table := &dynamotest.Table{}
			s := open(t, table)
			loseNext(table, fault)
			v, err := s.Swap(t.Context(), "web", "", []byte("first"))
			require.NoError(t, err, name)
			loseNext(table, fault)
			v, err = s.Swap(t.Context(), "web", v, []byte("second"))
			require.NoError(t, err, name)
			data, loaded, err := s.Load(t.Context(), "web")
			require.NoError(t, err)
			assert.Equal(t, "second", string(data))
			assert.Equal(t, v, loaded)
		})
	}
}

func TestAnItemThatIsNoDocumentIsDamaged(t *testing.T) {
	s := func(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
	b := &types.AttributeValueMemberB{Value: []byte("x")}
	for name, i := range map[string]item{
		"bare":                 {"document": s("web")},
		"of another type":      {"document": s("web"), "written": s("ABCDEFGHIJKLMNOP"), "writes": s("ABCDEFGHIJKLMNOP"), "bytes": s("x")},
		"without a write":      {"document": s("web"), "written": s(""), "writes": s(""), "bytes": b},
		"with another write":   {"document": s("web"), "written": s("ABCDEFGHIJKLMNOQ"), "writes": s("ABCDEFGHIJKLMNOP"), "bytes": b},
		"with writes mistyped": {"document": s("web"), "written": s("abc"), "writes": s("abc"), "bytes": b},
	} {
		table := &dynamotest.Table{}
		_, err := table.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: new("muster"), Item: i})
		require.NoError(t, err)
		_, _, err = open(t, table).Load(t.Context(), "web")
		assert.ErrorIs(t, err, lock.ErrDamaged, name)
		_, err = open(t, table).Swap(t.Context(), "web", "", nil)
		assert.ErrorIs(t, err, lock.ErrDamaged, name)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	_, err := New(Config{})
	assert.ErrorContains(t, err, "no Client")
	assert.ErrorContains(t, err, "no Table")
	s, err := New(Config{Client: &dynamotest.Table{Name: "muster"}, Table: "mustre"})
	require.NoError(t, err)
	_, _, err = s.Load(t.Context(), "web")
	assert.ErrorContains(t, err, "there is no table mustre")

	for code, want := range map[string]string{
		"AccessDeniedException":       "the credentials lack dynamodb:PutItem on the table muster",
		"ExpiredTokenException":       "the credentials have expired",
		"UnrecognizedClientException": "the server does not know the credentials",
		"InvalidSignatureException":   "the secret key is not that of the access key",
		"ValidationException":         `must have a partition key "document"`,
	} {
		table := &dynamotest.Table{}
		table.Break(func(string) dynamotest.Fault { return dynamotest.Fault{Refuse: dynamotest.Failure(400, code, "no")} })
		_, err := open(t, table).Swap(t.Context(), "web", "", nil)
		assert.ErrorContains(t, err, want)
		assert.Len(t, table.Calls(), 1, "%s is no use asking again", code)
	}
}

//go:embed policy.json
var policy []byte

func TestThePolicyAllowsWhatIsNeededAndNoMore(t *testing.T) {
	var p struct{ Statement []struct{ Action []string } }
	require.NoError(t, json.Unmarshal(policy, &p))
	require.Len(t, p.Statement, 1)

	table := &dynamotest.Table{}
	v, err := open(t, table).Swap(t.Context(), "web", "", nil)
	require.NoError(t, err)
	_, _, err = open(t, table).Load(t.Context(), "web")
	require.NoError(t, err)
	_, err = open(t, table).Swap(t.Context(), "web", v, nil)
	require.NoError(t, err)
	_, err = open(t, table).Swap(t.Context(), "web", v, nil)
	require.ErrorIs(t, err, lock.ErrConflict)
	var needed []string
	for _, c := range table.Calls() {
		needed = append(needed, "dynamodb:"+c)
	}
	slices.Sort(needed)
	assert.Equal(t, slices.Compact(needed), p.Statement[0].Action)
}
