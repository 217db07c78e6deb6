package runcommand

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// told are spans of which so many runs are known, from one duration to another.
func told(n int, from, to time.Duration) *spans {
	s := &spans{}
	for i := range n {
		s.add(from+(to-from)*time.Duration(i)/time.Duration(max(1, n-1)), 0)
	}
	return s
}

func TestACommandIsLookedAtWhenHalfHaveEndedAndWhenAllHave(t *testing.T) {
	known := told(101, 3*time.Second, 5*time.Second)
	l := look{pending: 20, size: 20, width: 20, first: time.Second, poll: 200 * time.Millisecond}
	assert.Equal(t, 4*time.Second, l.wait(known))
	l.age, l.looks, l.pending = 4*time.Second, 1, 10
	assert.Equal(t, time.Second, l.wait(known))
	l.age, l.looks = 5*time.Second, 2
	assert.Equal(t, 5*time.Second/3, l.wait(known), "later than anything before")
	l.age = time.Hour
	assert.Equal(t, 10*time.Second, l.wait(known))
	l.age, l.poll = 4*time.Second, 2*time.Second
	assert.Equal(t, 2*time.Second, l.wait(known), "not sooner than it may")

	l = look{pending: 20, size: 20, width: 20, first: time.Second, poll: 1500 * time.Millisecond}
	assert.Equal(t, 5*time.Second, l.wait(known), "one look where two would be too close")
	assert.Equal(t, time.Second, l.wait(&spans{}), "nothing is known")
}

func TestHowLateRunsBeginIsLearned(t *testing.T) {
	known := told(2, 2*time.Second, 2*time.Second)
	assert.Zero(t, known.lag())
	known.add(2*time.Second, 2700*time.Millisecond) // it had not ended then
	assert.Equal(t, 700*time.Millisecond, known.lag())
	l := look{pending: 5, size: 5, width: 5, first: time.Second, poll: time.Second}
	assert.Equal(t, 2700*time.Millisecond, l.wait(known))
	for range memory {
		known.add(2*time.Second, 0)
	}
	assert.Zero(t, known.lag(), "and forgotten")
}

func TestACommandThatIsWorkedOffIsLookedAtBeforeItsEndAndAtIt(t *testing.T) {
	known := told(memory, 7*time.Second, 13*time.Second)
	l := look{pending: 50, size: 50, width: 1, first: time.Second, poll: time.Second}
	before := l.wait(known)
	assert.InDelta(t, 483, before.Seconds(), 3, "fifty times ten, and some less: it is not known so well")
	l.age, l.looks, l.pending, l.done = before, 1, 2, 480*time.Second
	assert.InDelta(t, 17+2, l.wait(known).Seconds(), 1, "one runs for some 3 s, another is to come; and a little more")
	l.done = 400 * time.Second
	assert.InDelta(t, 10+2, l.wait(known).Seconds(), 1, "what runs has at least begun, and takes no longer than others")
	l.pending = 1
	assert.InDelta(t, 1.3, l.wait(known).Seconds(), 0.2, "it is overdue: not each moment")
	l = look{pending: 50, size: 50, width: 1, first: time.Second, poll: time.Second, idle: true}
	assert.Greater(t, l.wait(known), 510*time.Second, "nobody waits for its slot")

	unknown := &spans{}
	l = look{pending: 50, size: 50, width: 1, first: time.Second, poll: time.Second}
	assert.Equal(t, 2*time.Second, l.wait(unknown), "somebody has to find out")
	l.blind = true
	assert.Equal(t, 30*time.Second, l.wait(unknown), "the others need not")
}

func TestSlotsAreSharedSoThatAllEndTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(64)
		share := func(waiting, left int) []int {
			size, width := s.share(waiting, left)
			return []int{size, width}
		}
		assert.Equal(t, []int{50, 1}, share(10_000, 0))
		assert.Equal(t, []int{25, 1}, share(1_600, 0))
		assert.Equal(t, []int{28, 1}, share(1_600, 176), "who is done early takes more")
		assert.Equal(t, []int{25, 2}, share(800, 0), "few large commands, not many small ones")
		assert.Equal(t, []int{25, 4}, share(400, 0))
		assert.Equal(t, []int{4, 4}, share(65, 0))
		assert.Equal(t, []int{50, 50}, share(60, 0), "fewer than there are slots")
		assert.Equal(t, []int{0, 0}, share(0, 10))

		f := &flight{width: 63, size: 126, opened: time.Now()}
		s.take(f)
		assert.Equal(t, []int{1, 1}, share(1, 0))
		assert.Equal(t, 126, s.left(time.Second))
		time.Sleep(500 * time.Millisecond)
		assert.Equal(t, 126-31, s.left(time.Second))
		s.take(&flight{width: 1})
		assert.Equal(t, []int{0, 0}, share(100, 0))
		freed := s.freed
		s.give(f, 63)
		<-freed
		assert.Equal(t, 63, s.free)
		assert.Zero(t, s.left(time.Second))

		wide := newSlots(200)
		size, width := wide.share(1000, 0)
		assert.Equal(t, []int{15, 3}, []int{size, width}, "few commands for few hosts")
		wide.free = 2
		size, _ = wide.share(1000, 0)
		assert.Zero(t, size, "the rest of a lane is about to become free")

		size, width = newSlots(2).share(5, 0)
		assert.Equal(t, []int{3, 1}, []int{size, width}, "never more than there are")
	})
}
