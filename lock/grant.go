package lock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// Grant is what the lease's document says. The document outlives every grant: a
// release leaves it in place, so that the epoch never starts again.
type Grant struct {
	// Epoch is the number of the grant. It grows with each and is never reset.
	Epoch uint64 `json:"epoch"`

	// Nonce tells this grant from all others: by it a holder knows its own writing
	// again, when the answer to a write was lost.
	Nonce string `json:"nonce"`

	// Holder says who was granted the lease, and Since when, for people. The time is
	// of the holder's clock, and nothing is decided by it.
	Holder string    `json:"holder"`
	Since  time.Time `json:"since"`

	// Duration is how long the grant outlives its last renewal.
	Duration time.Duration `json:"duration"`

	// Renewed counts the renewals.
	Renewed uint64 `json:"renewed"`

	// Released says that the holder gave the lease back: anybody may take it.
	Released bool `json:"released,omitempty"`

	// TakenFrom is the holder whose grant expired and was taken over by this one. It
	// is empty where the one before was released.
	TakenFrom string `json:"taken_from,omitempty"`
}

// ErrDamaged says that a document is not what was once written: it was cut off,
// changed by hand, or is another program's. It is never overwritten: look at it,
// put back what belongs there, or use another key.
var ErrDamaged = errors.New("lock: document is damaged")

// Peek returns what the lease's document says, without touching it; ErrNotFound
// when it was never granted, ErrDamaged when it is no lease's document. Whether a
// grant that is not released is still alive, it cannot tell: only watching it can.
func Peek(ctx context.Context, s Store, key string) (Grant, error) {
	data, _, err := s.Load(ctx, key)
	if err != nil {
		return Grant{}, fmt.Errorf("peek at lease %s: %w", key, err)
	}
	g, err := parseGrant(data)
	if err != nil {
		return Grant{}, fmt.Errorf("peek at lease %s: %w", key, err)
	}
	return g, nil
}

// String says the grant in a sentence: held by web-1 pid 4711 since 2026-05-01
// 17:00:05 UTC (epoch 12).
func (g Grant) String() string {
	if g.Released {
		return fmt.Sprintf("released by %s (epoch %d)", g.Holder, g.Epoch)
	}
	s := fmt.Sprintf("held by %s since %s (epoch %d)", g.Holder, g.Since.Format("2006-01-02 15:04:05 MST"), g.Epoch)
	if g.TakenFrom != "" {
		s += ", taken from " + g.TakenFrom
	}
	return s
}

// expiry is how long a waiter watches a grant unchanged before it may take it: the
// grant's duration, and a margin for clocks that run at different speeds and for
// work that takes a moment to stop.
func (g Grant) expiry() time.Duration { return g.Duration + g.Duration/5 }

// parseGrant reads a lease's document. Fields it does not know it passes over: a
// deployer that was rolled back must be able to follow its successor.
func parseGrant(data []byte) (Grant, error) {
	var g Grant
	if err := json.Unmarshal(data, &g); err != nil {
		return Grant{}, fmt.Errorf("%w: not a lease: %w", ErrDamaged, err)
	}
	switch {
	case g.Epoch == 0 || g.Epoch == math.MaxUint64:
		return Grant{}, fmt.Errorf("%w: lease has epoch %d", ErrDamaged, g.Epoch)
	case g.Nonce == "":
		return Grant{}, fmt.Errorf("%w: lease has no nonce", ErrDamaged)
	case g.Duration <= 0 || g.Duration > MaxDuration:
		return Grant{}, fmt.Errorf("%w: lease lasts %s, want at most %s", ErrDamaged, g.Duration, MaxDuration)
	}
	return g, nil
}
