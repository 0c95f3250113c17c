package geo

import "math"

// Sines here are rounded correctly, as those of a good C library are in all but very few cases: a distance that
// STOREDIST stores depends on all their digits, and package math's may differ in the last one.
//
// They are computed in double-double arithmetic (T. J. Dekker, "A floating-point technique for extending the
// available precision", 1971) from the first terms of their series; the error is below 2^-80.

// A pair is the unevaluated sum of two numbers, of which lo is less than half a
// unit in the last place of hi.
type pair struct{ hi, lo float64 }

// sum is a+b for |a| >= |b|.
func sum(a, b float64) pair {
	s := a + b
	return pair{s, b - (s - a)}
}

// plus is p+q for |p| >= |q|.
func (p pair) plus(q pair) pair {
	s := sum(p.hi, q.hi)
	return sum(s.hi, s.lo+(p.lo+q.lo))
}

func (p pair) times(q pair) pair {
	hi := p.hi * q.hi
	lo := math.FMA(p.hi, q.hi, -hi)
	return sum(hi, lo+(float64(p.hi*q.lo)+float64(p.lo*q.hi)))
}

// over is 1/n for a whole number, negative for the terms that are subtracted.
func over(n float64) pair {
	hi := 1 / n
	return pair{hi, -math.FMA(n, hi, -1) / n}
}

// The series' first coefficients, and the rest that need not be as exact.
var (
	sinHead = [...]pair{over(1), over(-6), over(120), over(-5040), over(362880)}
	cosHead = [...]pair{over(1), over(-2), over(24), over(-720), over(40320)}
	sinRest = [...]float64{-1. / 39916800, 1. / 6227020800, -1. / 1307674368000, 1. / 355687428096000,
		-1. / 121645100408832000, 1. / 51090942171709440000}
	cosRest = [...]float64{-1. / 3628800, 1. / 479001600, -1. / 87178291200, 1. / 20922789888000,
		-1. / 6402373705728000, 1. / 2432902008176640000, -1. / 1124000727777607680000}
)

// series is head[0] + head[1]z + head[2]z² ... and rest behind it.
func series(head []pair, rest []float64, z pair) pair {
	t := 0.0
	for i := len(rest) - 1; i >= 0; i-- {
		t = float64(t*z.hi) + rest[i]
	}
	p := pair{hi: t}
	for i := len(head) - 1; i >= 0; i-- {
		p = head[i].plus(p.times(z))
	}
	return p
}

// Half of pi, as the sum of three numbers.
const (
	halfPi1 = 0x1.921fb54442d18p+0
	halfPi2 = 0x1.1a62633145c07p-54
	halfPi3 = -0x1.f1976b7ed8fbcp-110
)

// sinCos returns the sine and the cosine of x, which is at most 3.5 and at least -3.5.
func sinCos(x float64) (sin, cos pair) {
	k := math.Round(x * (2 / math.Pi))
	// The first subtraction is exact, because the subtrahend is within a factor of two of x, or 0.
	d := x - k*halfPi1
	r := pair{hi: d}
	if k != 0 {
		e := -k * halfPi2
		s := d + e
		b := s - d
		r = sum(s, (d-(s-b))+(e-b)-k*halfPi3)
	}
	z := r.times(r)
	sin = r.times(series(sinHead[:], sinRest[:], z))
	cos = series(cosHead[:], cosRest[:], z)
	switch int(k) & 3 {
	case 1:
		sin, cos = cos, pair{-sin.hi, -sin.lo}
	case 2:
		sin, cos = pair{-sin.hi, -sin.lo}, pair{-cos.hi, -cos.lo}
	case 3:
		sin, cos = pair{-cos.hi, -cos.lo}, sin
	}
	return sin, cos
}

func sine(x float64) float64 {
	s, _ := sinCos(x)
	return s.hi
}

func cosine(x float64) float64 {
	_, c := sinCos(x)
	return c.hi
}

// arcsine is that of y, which is at least 0: one step of Newton's method from
// package math's.
func arcsine(y float64) float64 {
	a := math.Asin(y)
	s, c := sinCos(a)
	if !(c.hi > 0) {
		return a // a quarter of a turn, or y is above 1
	}
	return a + ((y-s.hi)-s.lo)/c.hi
}
