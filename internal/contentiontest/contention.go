// Package contentiontest lets many contend for one document of a lock.Store over a
// bad network, and checks that what they were told is linearizable.
package contentiontest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/muster-deploy/muster/lock"
)

// contenders is how many ask at the same time.
const contenders = 16

// request is one request, as its sender saw it. A document is known by its content,
// which is never written twice; absence is empty.
type request struct {
	swap      bool
	old, data string
}

// answer is what came of it.
type answer struct {
	data     string // of a load
	conflict bool
	unknown  bool // written, or not, or not yet
}

// history is what all contenders saw.
type history struct {
	begin time.Time

	mu         sync.Mutex
	operations []porcupine.Operation
	contents   map[lock.Version]string
	unanswered int
}

// Run lets sixteen contenders make that many requests on one key, by turns through
// the stores, which open one place. It returns how many writes were left without an
// answer, and fails the test if there is no order in which the requests can have
// happened, or if one version stood for two documents.
func Run(ctx context.Context, t testing.TB, stores []lock.Store, requests int) (unanswered int) {
	t.Helper()
	h := &history{begin: time.Now(), contents: map[lock.Version]string{}}
	var wait sync.WaitGroup
	for i := range contenders {
		wait.Go(func() { h.contend(ctx, t, stores[i%len(stores)], i, requests/contenders/2) })
	}
	wait.Wait()
	h.load(ctx, t, stores[0], contenders)
	result := porcupine.CheckOperationsTimeout(model, h.decided(), time.Minute)
	if result != porcupine.Ok {
		t.Errorf("%d requests of %d contenders: linearizable: %s", len(h.operations), contenders, result)
	}
	return h.unanswered
}

// contend loads and swaps by turns.
func (h *history) contend(ctx context.Context, t testing.TB, s lock.Store, who, rounds int) {
	random := rand.New(rand.NewPCG(uint64(who), 0))
	for n := range rounds {
		data, v := h.load(ctx, t, s, who)
		if random.IntN(4) == 0 {
			time.Sleep(time.Duration(random.IntN(int(5 * time.Millisecond))))
		}
		h.swap(ctx, t, s, who, request{true, data, fmt.Sprintf("contender %d, write %d", who, n)}, v)
	}
}

// load notes a load. One without an answer says nothing.
func (h *history) load(ctx context.Context, t testing.TB, s lock.Store, who int) (string, lock.Version) {
	call := time.Since(h.begin)
	data, v, err := s.Load(ctx, "contended")
	if err == nil || errors.Is(err, lock.ErrNotFound) {
		h.note(t, who, call, request{}, answer{data: string(data)}, v)
	}
	return string(data), v
}

// swap notes a swap.
func (h *history) swap(ctx context.Context, t testing.TB, s lock.Store, who int, r request, old lock.Version) {
	call := time.Since(h.begin)
	v, err := s.Swap(ctx, "contended", old, []byte(r.data))
	conflict := errors.Is(err, lock.ErrConflict)
	h.note(t, who, call, r, answer{conflict: conflict, unknown: err != nil && !conflict}, v)
}

func (h *history) note(t testing.TB, who int, call time.Duration, r request, a answer, v lock.Version) {
	h.mu.Lock()
	defer h.mu.Unlock()
	data := r.data + a.data
	if known, ok := h.contents[v]; v != "" && ok && known != data {
		t.Errorf("the version %q stands for %q and for %q", v, known, data)
	}
	h.contents[v] = data
	h.operations = append(h.operations, porcupine.Operation{
		ClientId: who, Input: r, Output: a, Call: int64(call), Return: int64(time.Since(h.begin)),
	})
}

// decided settles the writes without an answer. One whose content somebody has seen
// was written at some time after its call. Any other was not, or it makes no
// difference: to replace it, somebody would have had to load it first.
func (h *history) decided() []porcupine.Operation {
	var all []porcupine.Operation
	for _, o := range h.operations {
		if o.Output.(answer).unknown {
			h.unanswered++
			if !slices.ContainsFunc(h.operations, func(l porcupine.Operation) bool {
				return !l.Input.(request).swap && l.Output.(answer).data == o.Input.(request).data
			}) {
				continue
			}
			o.Return, o.Output = math.MaxInt64, answer{}
		}
		all = append(all, o)
	}
	return all
}

// model is one document that is changed by compare-and-swap.
var model = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		there, r, a := state.(string), input.(request), output.(answer)
		switch {
		case !r.swap:
			return a.data == there, there
		case a.conflict:
			return r.old != there, there
		}
		return r.old == there, r.data
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
}
