package runcommand

import "time"

// slotted is the step of which only so many may run at once: hosts fetch in it.
const slotted = "prepare"

// lanes is into how many commands the slots are divided when there is more to do than
// there are slots. With one slot in each, SSM itself keeps it busy to the end of a
// command; the more slots there are in one, the more of them have nothing left to take
// at its end.
const lanes = 64

// slots are those that the hosts under way may take, over all commands. It is guarded
// by the Sender.
type slots struct {
	all, free int
	freed     chan struct{} // closed when some become free
	under     map[*flight]struct{}
}

func newSlots(n int) *slots {
	return &slots{all: n, free: n, freed: make(chan struct{}), under: map[*flight]struct{}{}}
}

// share says how many of the waiting calls the next command takes, and how many of them
// SSM may run at once; none if it has to wait. Left is how many hosts the commands under
// way have still to come to: all are to end together.
func (s *slots) share(waiting, left int) (size, width int) {
	switch {
	case s.free <= 0 || waiting == 0:
		return 0, 0
	case waiting <= s.free:
		size = min(waiting, perCommand)
		return size, size
	}
	width = s.width(waiting + left)
	if s.free < width {
		return 0, 0 // the rest of it is about to become free
	}
	size = ((waiting+left)*width + s.all/2) / s.all
	return min(max(size, width), perCommand, waiting), width
}

// joined is how many lanes one command takes at most.
const joined = 4

// width is how many slots a command takes when so many hosts are still to come: those of
// one lane while a command fills it, and those of several when there would be little for
// each, so that the last commands are not many small ones, and none of them ends late for
// the one host that took longest.
func (s *slots) width(hosts int) int {
	lane := max(1, s.all/lanes)
	each := max(1, hosts*lane/s.all) // hosts for each lane
	several := min(joined, perCommand/2/each)
	return min(lane*max(1, several), max(lane, s.all/joined), perCommand)
}

// left is how many hosts the commands under way have still to come to, if each takes
// about as long as the mean.
func (s *slots) left(mean time.Duration) (n int) {
	for f := range s.under {
		done := 0
		if mean > 0 {
			done = int(time.Duration(f.held) * time.Since(f.opened) / mean)
		}
		n += max(0, f.size-done)
	}
	return n
}

func (s *slots) take(f *flight) {
	f.held = f.width
	s.free -= f.held
	s.under[f] = struct{}{}
}

// give takes back so many of the slots of a command.
func (s *slots) give(f *flight, n int) {
	f.held -= n
	if f.held == 0 {
		delete(s.under, f)
	}
	if n > 0 {
		s.free += n
		close(s.freed)
		s.freed = make(chan struct{})
	}
}

// share says how many of a group's calls the next command takes, and how many of them
// may run at once. The lock is held.
func (s *Sender) share(g *group) (size, width int) {
	if g.key.step != slotted {
		return perCommand, perCommand
	}
	return s.slots.share(len(g.waiting), s.slots.left(s.kind(slotted).mean()))
}

// wanted says whether calls wait for slots. The lock is held.
func (s *Sender) wanted() bool {
	for _, g := range s.group {
		if g.key.step == slotted && len(g.waiting) > 0 {
			return true
		}
	}
	return false
}

// room waits until a command for some of a group's calls may be sent, and says whether
// there are any.
func (s *Sender) room(g *group) bool {
	for {
		s.mu.Lock()
		size, _ := s.share(g)
		freed, some := s.slots.freed, len(g.waiting) > 0
		s.mu.Unlock()
		if size > 0 || !some {
			return some
		}
		<-freed // a flight that holds slots ends, and gives them back
	}
}
