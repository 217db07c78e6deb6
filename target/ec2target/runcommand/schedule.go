package runcommand

import (
	"math"
	"slices"
	"time"
)

// spans are how long the last runs of one kind took on the hosts, and how late they
// began after their command was sent.
type spans struct {
	last ring // how long
	lags ring // at least so late
	sum  *sum // of last, until it changes
}

// ring is the last of many durations.
type ring struct {
	all  []time.Duration
	next int
}

// memory is how many runs are remembered of each kind.
const memory = 1024

func (r *ring) add(d time.Duration) {
	if len(r.all) < memory {
		r.all = append(r.all, d)
		return
	}
	r.all[r.next] = d
	r.next = (r.next + 1) % memory
}

// sum is what spans come to.
type sum struct {
	sorted []time.Duration
	mean   time.Duration
	spread time.Duration // standard deviation; half the mean if it is not known
	lag    time.Duration
}

// add is a run that took d, and had not ended when its command was of that age.
func (s *spans) add(d, pending time.Duration) {
	s.last.add(d)
	s.lags.add(max(0, pending-d))
	s.sum = nil
}

func (s *spans) known() bool { return len(s.last.all) > 0 }

func (s *spans) total() *sum {
	if s.sum != nil {
		return s.sum
	}
	s.sum = &sum{sorted: slices.Sorted(slices.Values(s.last.all))}
	n := max(1, len(s.sum.sorted))
	for _, d := range s.sum.sorted {
		s.sum.mean += d / time.Duration(n)
	}
	var squares float64
	for _, d := range s.sum.sorted {
		squares += math.Pow(float64(d-s.sum.mean), 2)
	}
	s.sum.spread = s.sum.mean / 2
	if n > 1 {
		s.sum.spread = time.Duration(math.Sqrt(squares / float64(n-1)))
		s.sum.lag = slices.Max(s.lags.all)
	}
	return s.sum
}

// at returns what so many hundredths of the runs did not exceed; zero if nothing is
// known.
func (s *spans) at(percent int) time.Duration {
	if !s.known() {
		return 0
	}
	sorted := s.total().sorted
	return sorted[(len(sorted)-1)*percent/100]
}

// lag is how late runs begin. No clocks are compared: it is what runs took less than the
// age at which their command was seen without their end.
func (s *spans) lag() time.Duration { return s.total().lag }

// mean is zero if nothing is known.
func (s *spans) mean() time.Duration { return s.total().mean }

// deviation is how far so many runs, one after the other, are from their mean, about: by
// how much they differ, and by how little is known of the mean.
func (s *spans) deviation(runs int) time.Duration {
	k, n := float64(runs), float64(max(1, len(s.last.all)))
	return time.Duration(float64(s.total().spread) * (math.Sqrt(k) + 2*k/math.Sqrt(n)))
}

// look is what decides when a command is looked at again.
type look struct {
	age     time.Duration // of the command at the last look
	looks   int           // so far
	pending int           // instances that have not ended
	size    int           // instances that it has in all
	width   int           // of which so many run at once
	done    time.Duration // how long those took that have ended, together
	blind   bool          // others of the kind will tell how long it takes
	idle    bool          // nobody waits for what it will leave free
	first   time.Duration
	poll    time.Duration
}

// wait returns how long after the last look the next one is due. What is known of the
// kind says when half will have ended, and when all will; what takes longer than
// anything before is looked at ever less often.
func (l look) wait(known *spans) time.Duration {
	least := l.poll
	if l.looks == 0 {
		least = l.first
	}
	if l.width < l.size {
		return max(least, l.queued(known))
	}
	half, all := known.at(50)+known.lag(), known.at(100)+known.lag()
	for _, age := range []time.Duration{half, all} {
		if known.known() && age >= l.age+least && (age == all || all-age >= l.poll) {
			return age - l.age
		}
	}
	return max(least, l.backoff())
}

// queued is for a command that SSM works off few by few. The first look comes when the
// end is near; how far it is then is known well.
func (l look) queued(known *spans) time.Duration {
	if !known.known() {
		if l.blind {
			return max(30*l.first, l.age)
		}
		return max(2*l.first, l.age)
	}
	mean, width := known.mean(), time.Duration(l.width)
	under := min(max(0, width*l.age-l.done), width*mean) // of those that run
	left := (mean*time.Duration(l.pending) - under) / width
	spread := known.deviation((l.pending + l.width - 1) / l.width)
	switch {
	case l.idle:
		return max(left+spread, mean/8)
	case l.pending > 5*l.width:
		return left - spread
	}
	return max(left+spread*3/4, mean/8)
}

// backoff is a third of the age, so that it is noticed late by a third at most.
func (l look) backoff() time.Duration { return min(l.age/3, 10*time.Second) }
