package limit

import (
	"errors"
	"math"
	"testing"
)

// The vectors are what redis-cell 0.5 answers.
func TestThrottleAnswersAsRedisCell(t *testing.T) {
	const now = 1_800_000_000_000
	tat := int64(-1)
	take := func(at, burst, count, period, quantity int64) Cell {
		t.Helper()
		c, next, err := Throttle(tat, at, burst, count, period, quantity)
		if err != nil {
			t.Fatal(err)
		}
		tat = next
		return c
	}
	want := func(c, want Cell) {
		t.Helper()
		if c != want {
			t.Errorf("got %+v, want %+v", c, want)
		}
	}
	want(take(now, 15, 30, 60, 1), Cell{false, 16, 15, -1, 2})
	for range 15 {
		take(now, 15, 30, 60, 1)
	}
	want(take(now, 15, 30, 60, 1), Cell{true, 16, 0, 2, 32})
	want(take(now, 15, 30, 60, 0), Cell{false, 16, 0, -1, 32})
	want(take(now+1999, 15, 30, 60, 1), Cell{true, 16, 0, 1, 31}) // 1 ms, and 30.001 s
	want(take(now+2000, 15, 30, 60, 1), Cell{false, 16, 0, -1, 32})
	tat = -1
	want(take(now, 15, 30, 60, 17), Cell{true, 16, 16, -1, 0}) // can never be
	if tat != -1 {
		t.Error("what was refused was written")
	}
	want(take(now, 15, 30, 60, 0), Cell{false, 16, 16, -1, 0})
	if tat != -1 {
		t.Error("a peek was written")
	}
	want(take(now, 0, 3, 10, 1), Cell{false, 1, 0, -1, 4}) // 3.333333333 s
	if tat-now*nsPerMS != 3_333_333_333 {
		t.Errorf("an emission of %d ns", tat-now*nsPerMS)
	}
	// 1.0004 s is one second: what is below a millisecond does not count.
	if seconds(1_000_400_000) != 1 || seconds(1_001_000_000) != 2 || seconds(999_999) != 0 || seconds(-5) != 0 {
		t.Error("seconds are rounded otherwise")
	}
	for _, tat := range []int64{tat, 1, 999_999, 1_000_000, math.MaxInt64 - nsPerMS} {
		b, at := AppendCell(nil, tat)
		if len(b) != 3 || at != (tat+nsPerMS-1)/nsPerMS {
			t.Errorf("%x, until %d", b, at)
		}
		if back, ok := ReadCell(b, at); !ok || back != tat {
			t.Errorf("%d came back as %d", tat, back)
		}
	}
	if tat, ok := ReadCell([]byte{0, 0, 1}, 0); !ok || tat >= 0 {
		t.Errorf("a key that stays for ever has the time %d", tat)
	}
}

func TestThrottleRefusesWhatItCannotCount(t *testing.T) {
	for _, x := range []struct {
		burst, count, period, quantity int64
		err                            error
	}{
		{1, math.MaxInt64, 1, 1, ErrZeroRate},
		{math.MaxInt64, 1, 1, 1, ErrTooLong},
		{1e18, 1, 1, 1, ErrTooLong},
		{1, 1, math.MaxInt64, 1, ErrTooLong},
		{1, 1, 1, math.MaxInt64, ErrTooLong},
		{0, 1, maxSeconds, 1, ErrTooLong},
		{1e9, 1, 1, 1, nil},
	} {
		_, next, err := Throttle(-1, 1_800_000_000_000, x.burst, x.count, x.period, x.quantity)
		if !errors.Is(err, x.err) || err != nil && next != -1 {
			t.Errorf("%+v: %v, %d", x, err, next)
		}
	}
}
