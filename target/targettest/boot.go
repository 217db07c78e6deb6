package targettest

import (
	"context"

	"github.com/muster-deploy/muster/target"
)

// declare writes the pointer that booting units read, where the order's release is
// a declared one. It comes before the members are listed: a unit that read the old
// pointer is then either listed, or will read again.
func (m *Memory) declare(ctx context.Context, o target.Order) error {
	if o.Intent == target.Forward || o.Intent == "" {
		return nil
	}
	if err := m.at(ctx, Pointer, "", o); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pointer.raise(o.Number, o.Release.Digest)
}

// Pointer returns what booting units read: the digest of the last declared release
// and the number of the order that wrote it. Both are zero before the first.
func (m *Memory) Pointer() (digest string, number uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pointer.digest, m.pointer.number
}

// Boot adds a new unit the way that a host joins: it reads the pointer, activates
// what it names, registers (from then on it is a member), reads the pointer again
// and repeats if it changed. The Hook is asked with Boot after each read.
func (m *Memory) Boot(ctx context.Context, name string) error {
	digest, number := m.Pointer()
	for {
		o := target.Order{Number: number, Intent: target.Again, Release: target.Release{Digest: digest}}
		if err := m.at(ctx, Boot, name, o); err != nil {
			return err
		}
		m.Join(name)
		m.with(name, func(u *unit) { m.bootInto(u, o) })
		again, n := m.Pointer()
		if again == digest {
			return nil
		}
		digest, number = again, n
	}
}

// bootInto fetches and activates what the pointer named, unless a newer order was
// faster. The lock is held.
func (m *Memory) bootInto(u *unit, o target.Order) {
	if o.Release.Digest == "" || u.fence.raise(o.Number, o.Release.Digest) != nil {
		return
	}
	u.hold(o.Release.Digest)
	if u.live != o.Release.Digest {
		m.record(u, o, o.Release.Digest, false)
	}
	u.problem = ""
}
