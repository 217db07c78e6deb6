package targettest

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
)

// listener is a TB that writes down what a reader of a failed test sees.
type listener struct {
	TB
	said strings.Builder
}

func (l *listener) Helper() {}

func (l *listener) Logf(format string, args ...any) { fmt.Fprintf(&l.said, format+"\n", args...) }

func (l *listener) Errorf(format string, args ...any) { l.Logf(format, args...) }

func (l *listener) Fatalf(format string, args ...any) {
	l.Logf(format, args...)
	runtime.Goexit()
}

// reads returns what one check says of a fault, or of none.
func reads(t *testing.T, name string, spoil func(*faulty)) string {
	t.Helper()
	l := &listener{TB: t}
	for _, c := range checks {
		if c.name != name {
			continue
		}
		var wg sync.WaitGroup
		wg.Go(func() { c.run(l, fault{by: name, spoil: spoil}.place) })
		wg.Wait()
		return l.said.String()
	}
	require.Fail(t, "there is no such check", name)
	return ""
}

func TestAFailureSaysWhatLedToIt(t *testing.T) {
	text := reads(t, "a lower order is refused", unfenced)
	assert.Contains(t, text, "a lower order: got no error, want one that wraps \"target: overtaken by a newer order\"")
	assert.Contains(t, text, "unit a is serving on release 2, want serving release 1")
	assert.Contains(t, text, `what was asked, and what the target said:
    open the place
    prepare release 2 as order 10: ok
    prepare release 1 as order 30: ok
    activate release 1 as order 40 (forward): ok
    observe: ok; a serving on release 1, order 40; `)
	assert.Contains(t, text, "activate release 2 as order 20 (forward): ok\n")
	assert.Empty(t, reads(t, "a lower order is refused", func(*faulty) {}))
}

func TestAFailureInTheMiddleSaysWhatLedToItToo(t *testing.T) {
	text := reads(t, "a rollback is the activation of an older prepared release", func(f *faulty) {
		f.activate = func(context.Context, target.Order) error { return target.ErrUnprepared }
	})
	assert.Contains(t, text, "activate release 1 as order 20 (forward): target: release is not prepared\n")
}
