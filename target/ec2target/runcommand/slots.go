package runcommand

// slotted is the step of which only so many may run at once: hosts fetch in it.
const slotted = "prepare"

// lanes is into how many commands the slots are divided when there is more to do than
// there are slots. Few slots in each keep SSM busy to the end of a command, when most of
// its slots have nothing left to take.
const lanes = 32

// slots are those that the hosts under way may take, over all commands. It is guarded
// by the Sender.
type slots struct {
	all, free int
	freed     chan struct{} // closed when some become free
}

func newSlots(n int) *slots { return &slots{all: n, free: n, freed: make(chan struct{})} }

// share says how many of the waiting calls the next command takes, and how many of them
// SSM may run at once; none if it has to wait. Commands become smaller towards the end, so
// that all end together.
func (s *slots) share(waiting int) (size, width int) {
	switch {
	case s.free <= 0 || waiting == 0:
		return 0, 0
	case waiting <= s.free:
		size = min(waiting, perCommand)
		return size, size
	}
	width = min(max(1, s.all/lanes), perCommand)
	if s.free < width {
		return 0, 0 // the rest of a lane is about to become free
	}
	size = max(4*width, (waiting*width+s.all-1)/s.all)
	return min(size, perCommand, waiting), width
}

func (s *slots) take(n int) { s.free -= n }

func (s *slots) give(n int) {
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
	return s.slots.share(len(g.waiting))
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
