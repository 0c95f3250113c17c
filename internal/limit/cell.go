package limit

import (
	"errors"
	"math"
	"math/bits"
)

// A Cell is the answer of CL.THROTTLE, its times in seconds.
type Cell struct {
	Limited   bool
	Limit     int64
	Remaining int64
	Retry     int64 // -1 if it was not limited, or can never be granted
	Reset     int64
}

// What Throttle refuses.
var (
	ErrZeroRate = errors.New("Zero rates are not supported") //nolint:staticcheck // clients know it
	ErrTooLong  = errors.New("max_burst, period and quantity are too large for count")
)

const (
	cellBytes  = 3
	nsPerMS    = 1_000_000
	nsPerSec   = 1_000_000_000
	maxSeconds = math.MaxInt64 / nsPerSec
)

// The state of CL.THROTTLE is a time in nanoseconds, at which all has come back. The key
// expires in the first millisecond that is not before it; the bytes are only what is missing
// to that.

// isCell reports whether the bytes of a limiter are of CL.THROTTLE.
func isCell(b []byte) bool { return len(b) == cellBytes && b[0] <= nsPerMS>>16 }

// ReadCell returns the time that AppendCell wrote, which is negative if the key, which expires
// at deadlineMS, was told to stay for ever (0).
func ReadCell(b []byte, deadlineMS int64) (tatNS int64, ok bool) {
	switch {
	case !isCell(b) || deadlineMS > math.MaxInt64/nsPerMS:
		return 0, false
	case deadlineMS == 0:
		return -1, true
	}
	return deadlineMS*nsPerMS - int64(b[0])<<16 - int64(b[1])<<8 - int64(b[2]), true
}

// AppendCell appends the state of a limiter of CL.THROTTLE whose time is not negative, and says
// when its key expires.
func AppendCell(b []byte, tatNS int64) (bytes []byte, deadlineMS int64) {
	rest := (nsPerMS - tatNS%nsPerMS) % nsPerMS
	return append(b, byte(rest>>16), byte(rest>>8), byte(rest)), (tatNS + rest) / nsPerMS
}

// Throttle decides as redis-cell does: tatNS is the state, or negative for none. burst and
// quantity are not negative, count and period (in seconds) are positive. It returns the new
// state, which is tatNS if there is nothing to write.
func Throttle(tatNS, nowMS, burst, count, period, quantity int64) (c Cell, next int64, err error) {
	if period > maxSeconds {
		return c, tatNS, ErrTooLong
	}
	// redis-cell divides floats and cuts off what is below a nanosecond.
	emission := int64(float64(period*nsPerSec) / float64(count))
	if emission == 0 {
		return c, tatNS, ErrZeroRate
	}
	now := nowMS * nsPerMS
	tat := tatNS
	if tat < 0 {
		tat = now
	}
	if burst == math.MaxInt64 {
		return c, tatNS, ErrTooLong
	}
	tolerance, ok1 := product(emission, burst+1)
	increment, ok2 := product(emission, quantity)
	base := max(now, tat)
	if !ok1 || !ok2 || increment > math.MaxInt64-nsPerMS-base {
		return c, tatNS, ErrTooLong
	}
	newTAT := base + increment
	c.Limit, c.Retry = burst+1, -1
	var ttl int64
	next = tatNS
	// Both are positive, so the differences are in range.
	if allowAt := newTAT - tolerance; now < allowAt {
		c.Limited = true
		if increment <= tolerance {
			c.Retry = seconds(allowAt - now)
		}
		ttl = tat - now
	} else {
		ttl = newTAT - now
		if quantity > 0 {
			next = newTAT
		}
	}
	if left := tolerance - ttl; left > -emission {
		c.Remaining = ratio(left/1000, emission/1000)
	}
	c.Reset = seconds(ttl)
	return c, next, nil
}

// product is a*b if it is in range; neither is negative.
func product(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return int64(lo), hi == 0 && lo <= math.MaxInt64
}

// ratio is a/b as floats, cut off, and what Rust makes of it where it is no number.
func ratio(a, b int64) int64 {
	switch f := float64(a) / float64(b); {
	case math.IsNaN(f):
		return 0
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	default:
		return int64(f)
	}
}

// seconds are whole ones, and one more if there are whole milliseconds besides.
func seconds(ns int64) int64 {
	s := ns / nsPerSec
	if ns%nsPerSec/nsPerMS > 0 {
		s++
	}
	return s
}
