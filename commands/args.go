package commands

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"

	"cached/engine/value"
)

// Args is a cursor over a command's words. Reads after the first failed one do nothing; End returns the failure,
// or an error for words that were not read.
type Args struct {
	argv [][]byte
	i    int
	err  error
}

// Args returns a cursor that begins at word from.
func (c *Ctx) Args(from int) Args { return Args{argv: c.Argv, i: from} }

// More reports whether there are words that were not read, and no read has failed.
func (a *Args) More() bool { return a.err == nil && a.i < len(a.argv) }

// Left is the number of words that were not read.
func (a *Args) Left() int { return len(a.argv) - a.i }

// Fail makes err the result of End, unless something failed before.
func (a *Args) Fail(err error) {
	if a.err == nil {
		a.err = err
	}
}

// Err is the first failure so far.
func (a *Args) Err() error { return a.err }

// End returns the first failure, or a syntax error if not all words were read.
func (a *Args) End() error {
	if a.err == nil && a.i < len(a.argv) {
		return ErrSyntax
	}
	return a.err
}

// Next takes the next word; without one it fails with a syntax error.
func (a *Args) Next() []byte {
	if !a.More() {
		a.Fail(ErrSyntax)
		return nil
	}
	a.i++
	return a.argv[a.i-1]
}

// Peek returns the next word without taking it, or nil.
func (a *Args) Peek() []byte {
	if !a.More() {
		return nil
	}
	return a.argv[a.i]
}

// Is takes the next word if it is the given one, in any case of letters; upper
// is in capitals.
func (a *Args) Is(upper string) bool {
	if a.More() && equalFold(a.argv[a.i], upper) {
		a.i++
		return true
	}
	return false
}

// Int takes an integer of 64 bits.
func (a *Args) Int() int64 {
	b := a.Next()
	if a.err != nil {
		return 0
	}
	n, ok := value.ParseInt(b)
	if !ok {
		a.Fail(ErrNotInt)
	}
	return n
}

// Float takes a floating-point number that is not a NaN.
func (a *Args) Float() float64 {
	b := a.Next()
	if a.err != nil {
		return 0
	}
	f, ok := ParseFloat(b)
	if !ok {
		a.Fail(ErrNotFloat)
	}
	return f
}

// ParseFloat reads a number as C's strtod does, whole and without surrounding
// space; NaN is refused.
func ParseFloat(b []byte) (float64, bool) {
	if len(b) == 0 || len(b) > 400 {
		return 0, false
	}
	s := string(b)
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		if f, ok := hexFloat(s); ok {
			return f, true
		}
		// strtod returns a range error for such a number, which its callers refuse.
		return 0, false
	}
	if math.IsNaN(f) || strings.ContainsRune(s, '_') {
		return 0, false
	}
	return f, true
}

// hexFloat reads 0x1f, which C takes without the exponent that Go demands.
func hexFloat(s string) (float64, bool) {
	t := strings.TrimLeft(s, "+-")
	if len(s)-len(t) > 1 || len(t) < 3 || t[0] != '0' || t[1]|0x20 != 'x' || strings.ContainsAny(t, "pP_") {
		return 0, false
	}
	f, err := strconv.ParseFloat(s+"p0", 64)
	return f, err == nil
}

// longDoubleBits is the precision of C's long double on the machines Redis runs
// on, in which it adds floats.
const longDoubleBits = 64

// parseLongDouble reads a number for INCRBYFLOAT, as C's strtold does: beyond
// the range of a double, but not beyond its own.
func parseLongDouble(b []byte) (*big.Float, bool) {
	x := new(big.Float).SetPrec(longDoubleBits)
	f, ok := ParseFloat(b)
	if !ok {
		if len(b) > maxLongDouble {
			return nil, false
		}
		if _, err := strconv.ParseFloat(string(b), 64); !errors.Is(err, strconv.ErrRange) || hugeExponent(b) {
			return nil, false
		}
	}
	if math.IsInf(f, 0) {
		return x.SetInf(f < 0), true
	}
	if _, _, err := x.Parse(string(b), 0); err != nil {
		x.SetFloat64(f)
	}
	if e := x.MantExp(nil); e > 16384 || e < -16445 {
		return nil, false
	}
	return x, true
}

// maxLongDouble is the longest text of a number that Redis reads.
const maxLongDouble = 5*1024 - 1

// hugeExponent reports whether a number is written with an exponent that is far
// out of range, and dear to compute.
func hugeExponent(b []byte) bool {
	i := bytes.LastIndexAny(b, "eEpP")
	if i < 0 {
		return false
	}
	e, err := strconv.Atoi(strings.TrimPrefix(string(b[i+1:]), "+"))
	return err != nil || e > 1<<15 || e < -1<<15
}

// appendLongDouble appends x as Redis prints it for people: at most 17 digits
// behind the point, no exponent, no trailing zeros.
func appendLongDouble(b []byte, x *big.Float) []byte {
	s := x.Text('f', 17)
	if strings.ContainsRune(s, '.') {
		s = strings.TrimRight(s, "0")
		s = strings.TrimSuffix(s, ".")
	}
	if s == "-0" {
		s = "0"
	}
	return append(b, s...)
}

// cursor reads the cursor of SCAN, HSCAN, SSCAN or ZSCAN as C's strtoul reads it. An empty one is 0, a negative
// one counts from the far end.
func (a *Args) cursor() uint64 {
	b := a.Next()
	if a.err != nil || len(b) == 0 {
		return 0
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i] // C's string ends there
		if i == 0 {
			return 0
		}
	}
	digits := bytes.TrimLeft(b[:1], "+-")
	digits = append(digits[:len(digits):len(digits)], b[1:]...)
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		a.Fail(ErrInvalidCursor)
	}
	if b[0] == '-' {
		n = -n
	}
	return n
}

// cString is b up to a NUL, as Redis prints words in errors.
func cString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
