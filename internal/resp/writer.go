package resp

import (
	"math"
	"strconv"

	"github.com/tidwall/redcon"
)

// A Writer appends replies to B, in the protocol version Proto (2 or 3; 0 is 2).
type Writer struct {
	B     []byte
	Proto int
}

// OK replies +OK.
func (w *Writer) OK() { w.B = append(w.B, "+OK\r\n"...) }

// Status replies a simple string, which must hold no line end.
func (w *Writer) Status(s string) {
	w.B = append(w.B, '+')
	w.B = append(w.B, s...)
	w.B = append(w.B, '\r', '\n')
}

// Error replies an error; text begins with its code, such as ERR. Line ends in
// it become spaces.
func (w *Writer) Error(text string) {
	w.B = append(w.B, '-')
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\r' || c == '\n' {
			c = ' '
		}
		w.B = append(w.B, c)
	}
	w.B = append(w.B, '\r', '\n')
}

// Int replies an integer.
func (w *Writer) Int(n int64) {
	if n >= 0 && n < 10 {
		w.B = append(w.B, ':', byte('0'+n), '\r', '\n')
		return
	}
	w.B = redcon.AppendInt(w.B, n)
}

// Bulk replies a string of any bytes.
func (w *Writer) Bulk(b []byte) {
	w.room(len(b))
	w.prefix('$', len(b))
	w.B = append(w.B, b...)
	w.B = append(w.B, '\r', '\n')
}

// largeReply is from how many bytes on a reply doubles its room: append adds a quarter, and
// copies a large reply five times before it is whole.
const largeReply = 1 << 20

// room makes room for a string of n bytes in a large reply.
func (w *Writer) room(n int) {
	if len(w.B) >= largeReply && cap(w.B)-len(w.B) < n+bulkFrame {
		w.double(n + bulkFrame)
	}
}

// bulkFrame is the most that is around the bytes of a string.
const bulkFrame = len("$2147483648\r\n\r\n")

func (w *Writer) double(n int) {
	b := make([]byte, len(w.B), 2*len(w.B)+n)
	copy(b, w.B)
	w.B = b
}

// BeginBulk begins a string of n bytes, which the caller appends to B before
// EndBulk.
func (w *Writer) BeginBulk(n int) { w.prefix('$', n) }

// EndBulk ends it.
func (w *Writer) EndBulk() { w.B = append(w.B, '\r', '\n') }

// BulkString is Bulk of a string.
func (w *Writer) BulkString(s string) {
	w.room(len(s))
	w.prefix('$', len(s))
	w.B = append(w.B, s...)
	w.B = append(w.B, '\r', '\n')
}

// BulkInt replies the decimal form of an integer as a string.
func (w *Writer) BulkInt(n int64) { w.B = redcon.AppendBulkInt(w.B, n) }

// BulkOrNull replies a string, or null for nil.
func (w *Writer) BulkOrNull(b []byte) {
	if b == nil {
		w.Null()
		return
	}
	w.Bulk(b)
}

// Null replies that there is nothing: in version 2, a null string.
func (w *Writer) Null() {
	if w.Proto == 3 {
		w.B = append(w.B, "_\r\n"...)
		return
	}
	w.B = append(w.B, "$-1\r\n"...)
}

// NullArray replies that there is nothing where an array was to be expected.
func (w *Writer) NullArray() {
	if w.Proto == 3 {
		w.B = append(w.B, "_\r\n"...)
		return
	}
	w.B = append(w.B, "*-1\r\n"...)
}

// Array begins an array of n replies, which follow.
func (w *Writer) Array(n int) { w.prefix('*', n) }

// Set begins a set of n replies; in version 2, an array.
func (w *Writer) Set(n int) {
	if w.Proto == 3 {
		w.prefix('~', n)
		return
	}
	w.prefix('*', n)
}

// SetAt begins a set of n replies that have been written already, from mark in B
// on, for those who do not know how many there will be.
func (w *Writer) SetAt(mark, n int) {
	end := len(w.B)
	w.Set(n)
	w.Hoist(mark, end)
}

// Hoist moves what was written from end on, no more than the head of an
// aggregate, in front of what was written from mark on.
func (w *Writer) Hoist(mark, end int) {
	var head [24]byte
	k := copy(head[:], w.B[end:])
	copy(w.B[mark+k:], w.B[mark:end])
	copy(w.B[mark:], head[:k])
}

// Map begins a map of n pairs of replies; in version 2, an array of 2n.
func (w *Writer) Map(n int) {
	if w.Proto == 3 {
		w.prefix('%', n)
		return
	}
	w.prefix('*', 2*n)
}

// Push begins an out-of-band message of n replies; in version 2, an array.
func (w *Writer) Push(n int) {
	if w.Proto == 3 {
		w.prefix('>', n)
		return
	}
	w.prefix('*', n)
}

// Bool replies a boolean; in version 2, 1 or 0.
func (w *Writer) Bool(b bool) {
	switch {
	case w.Proto == 3 && b:
		w.B = append(w.B, "#t\r\n"...)
	case w.Proto == 3:
		w.B = append(w.B, "#f\r\n"...)
	case b:
		w.Int(1)
	default:
		w.Int(0)
	}
}

// Double replies a floating-point number, in the digits of AppendDouble; in
// version 2, as a string.
func (w *Writer) Double(f float64) {
	var buf [40]byte
	text := AppendDouble(buf[:0], f)
	if w.Proto == 3 {
		w.B = append(w.B, ',')
		w.B = append(w.B, text...)
		w.B = append(w.B, '\r', '\n')
		return
	}
	w.Bulk(text)
}

// LongDouble replies a number whose text is given: a double, or its text where
// there are none.
func (w *Writer) LongDouble(text []byte) {
	if w.Proto < 3 {
		w.Bulk(text)
		return
	}
	w.B = append(append(append(w.B, ','), text...), '\r', '\n')
}

// Verbatim replies text of a format of three letters; in version 2, a string.
func (w *Writer) Verbatim(format, text string) {
	if w.Proto != 3 {
		w.BulkString(text)
		return
	}
	w.prefix('=', len(text)+4)
	w.B = append(w.B, format...)
	w.B = append(w.B, ':')
	w.B = append(w.B, text...)
	w.B = append(w.B, '\r', '\n')
}

// BigNumber replies an integer of any size, given as text; in version 2, as a
// string.
func (w *Writer) BigNumber(text string) {
	if w.Proto != 3 {
		w.BulkString(text)
		return
	}
	w.B = append(w.B, '(')
	w.B = append(w.B, text...)
	w.B = append(w.B, '\r', '\n')
}

func (w *Writer) prefix(kind byte, n int) {
	if n < 10 {
		w.B = append(w.B, kind, byte('0'+n), '\r', '\n')
		return
	}
	w.B = append(w.B, kind)
	w.B = strconv.AppendInt(w.B, int64(n), 10)
	w.B = append(w.B, '\r', '\n')
}

// AppendDouble appends a score as Redis 7 prints it: an integer without a point
// if it is one (and below 1e17 or so), else the shortest of 17 significant
// digits, as C's %.17g; inf, -inf and nan by name.
func AppendDouble(b []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	case math.IsNaN(f):
		return append(b, "nan"...)
	}
	if f == 0 {
		if math.Signbit(f) {
			return append(b, "-0"...)
		}
		return append(b, '0')
	}
	// Integers that a double holds exactly print as integers.
	if f > -1<<52 && f < 1<<52 && f == math.Trunc(f) {
		return strconv.AppendInt(b, int64(f), 10)
	}
	return AppendG17(b, f)
}

// AppendG17 appends f as C's printf does for %.17g.
func AppendG17(b []byte, f float64) []byte {
	return appendG(b, f, 17)
}

// appendG appends f as C's printf does for %.<digits>g: Go's 'g' differs in when
// it takes an exponent and in trailing zeros.
func appendG(b []byte, f float64, digits int) []byte {
	var buf [40]byte
	e := strconv.AppendFloat(buf[:0], f, 'e', digits-1, 64)
	// e is d.ddde±xx: its exponent decides the form.
	exp := 0
	for i := len(e) - 1; i >= 0; i-- {
		if e[i] == 'e' {
			exp, _ = strconv.Atoi(string(e[i+1:]))
			e = e[:i]
			break
		}
	}
	if exp >= -4 && exp < digits {
		var fixed [400]byte
		return append(b, trimZeros(strconv.AppendFloat(fixed[:0], f, 'f', digits-1-exp, 64))...)
	}
	b = append(b, trimZeros(e)...)
	b = append(b, 'e')
	if exp < 0 {
		b, exp = append(b, '-'), -exp
	} else {
		b = append(b, '+')
	}
	if exp < 10 {
		b = append(b, '0')
	}
	return strconv.AppendInt(b, int64(exp), 10)
}

// trimZeros drops the zeros behind a point, and the point if nothing is left.
func trimZeros(b []byte) []byte {
	point := -1
	for i, c := range b {
		if c == '.' {
			point = i
		}
	}
	if point < 0 {
		return b
	}
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return b
}
