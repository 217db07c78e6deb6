package runcommand_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/ec2target/ec2test"
	"github.com/muster-deploy/muster/target/ec2target/runcommand"
	"github.com/muster-deploy/muster/target/host"
)

// echo is a machine that says what it is told by the settings of the script, and counts.
type echo struct {
	mu   sync.Mutex
	runs int
	for_ time.Duration
	said string // before it answers
}

func (e *echo) Run(ctx context.Context, s *ec2test.Script) (stdout, stderr string, status int) {
	words, err := s.Settings()
	if err != nil {
		return "", err.Error(), 64
	}
	e.mu.Lock()
	e.runs++
	e.mu.Unlock()
	select {
	case <-ctx.Done():
		return "", "killed", 137
	case <-time.After(e.for_):
	}
	nonce := words[0][len("nonce="):]
	return fmt.Sprintf("%s\nmuster %s ok said=%d end\n", e.said, nonce, len(words)), "", 0
}

// rig is a cloud with machines that echo, and a sender.
type rig struct {
	*ec2test.Cloud
	*runcommand.Sender
	machines map[string]*echo
}

func newRig(t *testing.T, c ec2test.Config, n int, change func(*runcommand.Config)) *rig {
	t.Helper()
	r := &rig{Cloud: ec2test.New(c), machines: map[string]*echo{}}
	for i := range n {
		r.machines[name(i)] = &echo{for_: time.Second}
		r.Launch(ec2test.Instance{ID: name(i), Machine: r.machines[name(i)]})
	}
	s := runcommand.Config{Client: r.Cloud}
	if change != nil {
		change(&s)
	}
	var err error
	r.Sender, err = runcommand.New(s)
	require.NoError(t, err)
	return r
}

func name(i int) string { return fmt.Sprintf("i-%08x", i+1) }

var nonces struct {
	sync.Mutex
	n int
}

// call returns a call under a nonce of its own.
func call(step string, args ...string) (host.Call, *bytes.Buffer, *bytes.Buffer) {
	nonces.Lock()
	nonces.n++
	nonce := fmt.Sprintf("%024x", nonces.n)
	nonces.Unlock()
	var out, errs bytes.Buffer
	return host.Call{
		Step: step, Script: "true\n", Nonce: nonce, Args: append([]string{"nonce=" + nonce}, args...), Stdout: &out, Stderr: &errs,
	}, &out, &errs
}

// all runs the same step on all instances at once and returns the errors by id.
func (r *rig) all(ctx context.Context, step string, n int) map[string]error {
	errs := map[string]error{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			c, out, _ := call(step)
			err := r.Instance(name(i)).Run(ctx, c)
			if want := fmt.Sprintf("muster %s ok said=1 end\n", c.Nonce); err == nil && out.String() != want {
				err = fmt.Errorf("answered %q, want %q", out, want)
			}
			mu.Lock()
			defer mu.Unlock()
			errs[name(i)] = err
		})
	}
	all.Wait()
	return errs
}
