package lock

import (
	"context"
	"errors"
	"time"
)

// ErrLost is the cause with which a lease's context ends when the lease is, or is
// about to be, no longer its holder's.
var ErrLost = errors.New("lock: lease lost")

// Options tune a lease. The zero value is ready to use.
type Options struct {
	// Holder says who holds the lease, for people. Zero: host name and process id.
	Holder string

	// Duration is how long the lease outlives its last renewal. It is renewed at a
	// third of it. Zero: 15 s.
	Duration time.Duration

	// Waiting is told, while Acquire waits, whose grant it is waiting for: once
	// per grant it sees. Nil: nobody is told.
	Waiting func(Grant)
}

// Grant is what the lease's document says.
type Grant struct {
	Epoch     uint64        `json:"epoch"`
	Nonce     string        `json:"nonce"`
	Holder    string        `json:"holder"`
	Duration  time.Duration `json:"duration"`
	Renewed   uint64        `json:"renewed"`
	Released  bool          `json:"released,omitempty"`
	TakenFrom string        `json:"taken_from,omitempty"`
}

// Lease is one grant of the right to act. Its methods may be called concurrently.
type Lease struct{}

// Acquire waits until the lease under key is granted, or ctx ends.
func Acquire(ctx context.Context, s Store, key string, o Options) (*Lease, error) { panic("skeleton") }

// Epoch is the number of the grant; it grows with every grant of the key.
func (l *Lease) Epoch() uint64 { panic("skeleton") }

// Context ends, with cause ErrLost, a margin before anybody else may be granted
// the lease. It carries no values and does not end with Acquire's context: it
// ends with Close.
func (l *Lease) Context() context.Context { panic("skeleton") }

// Close releases the lease. It may be called again.
func (l *Lease) Close(ctx context.Context) error { panic("skeleton") }

// Peek returns what the lease's document says, without touching it; ErrNotFound
// when it was never granted.
func Peek(ctx context.Context, s Store, key string) (Grant, error) { panic("skeleton") }
