package limit

import (
	"math"
	"math/bits"
)

// A wide is an unsigned number of 128 bits. Sums and products in this package stay far
// below its bounds.
type wide struct{ hi, lo uint64 }

func mul(a, b int64) wide {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return wide{hi, lo}
}

func (a wide) isZero() bool { return a.hi|a.lo == 0 }

func (a wide) less(b wide) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

func (a wide) plus(b wide) wide {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, _ := bits.Add64(a.hi, b.hi, carry)
	return wide{hi, lo}
}

// minus is a-b, or 0 if b is greater.
func (a wide) minus(b wide) wide {
	if a.less(b) {
		return wide{}
	}
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(a.hi, b.hi, borrow)
	return wide{hi, lo}
}

// over is a/d, rounded down and at most MaxInt64. d is positive.
func (a wide) over(d int64) int64 {
	if a.hi == 0 {
		return int64(min(a.lo/uint64(d), math.MaxInt64))
	}
	if a.hi >= uint64(d) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(a.hi, a.lo, uint64(d))
	return int64(min(q, math.MaxInt64))
}

// overUp is a/d, rounded up and at most MaxInt64. d is positive.
func (a wide) overUp(d int64) int64 {
	return a.plus(wide{0, uint64(d) - 1}).over(d)
}
