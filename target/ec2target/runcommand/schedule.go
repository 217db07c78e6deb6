package runcommand

import (
	"slices"
	"time"
)

// spans are how long the last runs of one kind took on the hosts.
type spans struct {
	last []time.Duration // a ring
	next int
}

// memory is how many runs are remembered of each kind.
const memory = 128

func (s *spans) add(d time.Duration) {
	if len(s.last) < memory {
		s.last = append(s.last, d)
		return
	}
	s.last[s.next] = d
	s.next = (s.next + 1) % memory
}

// at returns what so many hundredths of the runs did not exceed; zero if nothing is
// known.
func (s *spans) at(percent int) time.Duration {
	if len(s.last) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s.last))
	return sorted[(len(sorted)-1)*percent/100]
}

// mean is zero if nothing is known.
func (s *spans) mean() time.Duration {
	var sum time.Duration
	for _, d := range s.last {
		sum += d
	}
	return sum / time.Duration(max(1, len(s.last)))
}

// look is what decides when a command is looked at again.
type look struct {
	age     time.Duration // of the command at the last look
	looks   int           // so far
	pending int           // instances that have not ended
	size    int           // instances that it has in all
	width   int           // of which so many run at once
	first   time.Duration
	poll    time.Duration
}

// wait returns how long to wait until the next look. What is known of the kind says when
// most will have ended, and when all will; what takes longer than anything before is
// looked at ever less often.
func (l look) wait(known *spans) time.Duration {
	least := l.poll
	if l.looks == 0 {
		least = l.first
	}
	if l.width < l.size {
		return max(least, l.queued(known))
	}
	lag := l.first / 5 // until it runs, about
	most, all := known.at(60)+lag, known.at(100)+lag
	for _, age := range []time.Duration{most, all} {
		if len(known.last) > 0 && age >= l.age+least && (age == all || all-age >= least) {
			return age - l.age
		}
	}
	return max(least, l.backoff())
}

// queued is for a command that SSM works off few by few: until about all have ended, and
// then until those that are late have.
func (l look) queued(known *spans) time.Duration {
	mean := known.mean()
	if mean == 0 {
		return max(2*l.age, 2*l.first) // three times the age each time
	}
	if l.pending > l.width {
		return mean * time.Duration(l.pending) / time.Duration(l.width)
	}
	return mean / 2
}

// backoff is a third of the age, so that it is noticed late by a third at most.
func (l look) backoff() time.Duration { return min(l.age/3, 10*time.Second) }
