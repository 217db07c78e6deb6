package fleet

import (
	"fmt"
	"strconv"
)

// Amount is a number of hosts, or a percentage of all members. The zero Amount is
// not set.
type Amount struct {
	n       int
	percent bool
}

// Number is an Amount of n hosts.
func Number(n int) Amount { return Amount{n: n} }

// Percent is an Amount of p hundredths of all members.
func Percent(p int) Amount { return Amount{n: p, percent: true} }

// String returns "3" or "25%".
func (a Amount) String() string {
	if a.percent {
		return strconv.Itoa(a.n) + "%"
	}
	return strconv.Itoa(a.n)
}

// atMost rounds down, to one at least: what may be touched at once.
func (a Amount) atMost(members int) int {
	n := a.n
	if a.percent {
		n = members * a.n / 100
	}
	return max(1, min(n, members))
}

// atLeast rounds up: what has to stay.
func (a Amount) atLeast(members int) int {
	if a.percent {
		return (members*a.n + 99) / 100
	}
	return a.n
}

func (a Amount) or(b Amount) Amount {
	if a == (Amount{}) {
		return b
	}
	return a
}

func (a Amount) check(field string) error {
	if a.n < 0 || a.percent && a.n > 100 {
		return fmt.Errorf("%s is %s: want a number from 0, or 0%% to 100%%", field, a)
	}
	return nil
}
