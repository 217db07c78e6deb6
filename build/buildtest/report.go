package buildtest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// reporter is what the suites need of a *testing.T. The suites' own tests put a
// recorder in its place, to see that faulty implementations are rejected.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Context() context.Context
	TempDir() string
	Run(name string, check func(reporter))
}

// live reports to a test.
type live struct{ *testing.T }

func (l live) Run(name string, check func(reporter)) {
	l.Helper()
	l.T.Run(name, func(t *testing.T) { check(live{t}) })
}

// recorder keeps complaints, by the name of the check.
type recorder struct {
	t    *testing.T
	name string
	kept *complaints
}

// complaints are what checks said.
type complaints struct {
	mu   sync.Mutex
	list []string
}

// record runs a suite and returns what it complained of.
func record(t *testing.T, suite func(reporter)) []string {
	r := &recorder{t: t, kept: &complaints{}}
	r.Run("suite", suite)
	return r.kept.list
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.t.Context() }
func (r *recorder) TempDir() string          { return r.t.TempDir() }

func (r *recorder) Errorf(format string, args ...any) {
	r.kept.mu.Lock()
	defer r.kept.mu.Unlock()
	r.kept.list = append(r.kept.list, strings.TrimPrefix(r.name, "suite/")+": "+fmt.Sprintf(format, args...))
}

// stopped ends a check, as FailNow does.
type stopped struct{}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(stopped{})
}

func (r *recorder) Run(name string, check func(reporter)) {
	sub := &recorder{t: r.t, name: strings.TrimPrefix(r.name+"/"+name, "/"), kept: r.kept}
	defer func() {
		if p := recover(); p != nil && p != (stopped{}) {
			panic(p)
		}
	}()
	check(sub)
}
