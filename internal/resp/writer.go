package resp

import (
	"bytes"
	"math"
	"strconv"

	"github.com/tidwall/redcon"
)

// A Writer appends replies to B, in the protocol version Proto (2 or 3; 0 is 2).
//
// With Most, B stays shorter than that: a reply that does not fit is dropped, with all that follow, and Full
// reports it. A handler that makes a long reply checks Full and stops.
type Writer struct {
	B     []byte
	Proto int
	Most  int // 0: B may become as long as it likes
	Full  bool
}

// drops reports whether n more bytes are too many.
func (w *Writer) drops(n int) bool {
	// One comparison: without a limit, Most-1 is the largest of all numbers.
	if uint(len(w.B)+n-1) < uint(w.Most-1) {
		return false
	}
	w.Most, w.Full = 1, true
	return true
}

// Fits reports whether n more bytes would be written. If not the writer is full: a reply
// that is known to be too long need not be begun.
func (w *Writer) Fits(n int64) bool { return !w.drops(int(min(n, math.MaxInt/2))) }

// Bound has B stay shorter than most from now on; 0 is no limit.
func (w *Writer) Bound(most int) { w.Most, w.Full = most, false }

// OK replies +OK.
func (w *Writer) OK() { w.Status("OK") }

// Status replies a simple string, which must hold no line end.
func (w *Writer) Status(s string) {
	if w.drops(len(s) + 3) {
		return
	}
	w.B = append(w.B, '+')
	w.B = append(w.B, s...)
	w.B = append(w.B, '\r', '\n')
}

// Error replies with an error; text begins with its code, such as ERR. Line ends in it become spaces.
func (w *Writer) Error(text string) {
	if w.drops(len(text) + 3) {
		return
	}
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
	if w.drops(4) {
		return
	}
	if n >= 0 && n < 10 {
		w.B = append(w.B, ':', byte('0'+n), '\r', '\n')
		return
	}
	w.B = redcon.AppendInt(w.B, n)
}

// Ints replies an array of integers.
func (w *Writer) Ints(all ...int64) {
	if w.drops(4 + 4*len(all)) {
		return
	}
	w.prefix('*', len(all))
	for _, n := range all {
		w.int(n)
	}
}

// int appends an integer for which there is room.
func (w *Writer) int(n int64) {
	switch {
	case n >= 0 && n < 10:
		w.B = append(w.B, ':', byte('0'+n), '\r', '\n')
	case n == -1:
		w.B = append(w.B, ":-1\r\n"...)
	default:
		w.B = append(strconv.AppendInt(append(w.B, ':'), n, 10), '\r', '\n')
	}
}

// IntAfter replies what framed is, strings and integers as Bulk and Int write them, and an
// integer. It is for the names of maps that are replied often.
func (w *Writer) IntAfter(framed string, n int64) {
	if w.drops(len(framed) + 4) {
		return
	}
	w.B = append(w.B, framed...)
	w.int(n)
}

// Bulk replies a string of any bytes.
func (w *Writer) Bulk(b []byte) {
	if w.drops(len(b) + 6) {
		return
	}
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
	size := 2*len(w.B) + n
	if w.Most > 0 {
		size = max(min(size, w.Most), len(w.B)+n)
	}
	b := make([]byte, len(w.B), size)
	for from := 0; from < len(b); from += copyAtOnce {
		copy(b[from:], w.B[from:min(from+copyAtOnce, len(b))])
	}
	w.B = b
}

// copyAtOnce is how many bytes are copied in one piece. The garbage collector cannot
// begin in the middle of one, and has all other threads wait for that.
const copyAtOnce = 256 << 10

// BeginBulk begins a string of n bytes, which the caller appends to B before
// EndBulk. It reports false if that is too much: then nothing is to be appended.
func (w *Writer) BeginBulk(n int) bool {
	if w.drops(n + 6) {
		return false
	}
	w.prefix('$', n)
	return true
}

// EndBulk ends the string of BeginBulk.
func (w *Writer) EndBulk() { w.B = append(w.B, '\r', '\n') }

// BulkString is Bulk of a string.
func (w *Writer) BulkString(s string) {
	if w.drops(len(s) + 6) {
		return
	}
	w.room(len(s))
	w.prefix('$', len(s))
	w.B = append(w.B, s...)
	w.B = append(w.B, '\r', '\n')
}

// BulkInt replies the decimal form of an integer as a string.
func (w *Writer) BulkInt(n int64) {
	if !w.drops(7) {
		w.B = redcon.AppendBulkInt(w.B, n)
	}
}

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
	if w.drops(3) {
		return
	}
	if w.Proto == 3 {
		w.B = append(w.B, "_\r\n"...)
		return
	}
	w.B = append(w.B, "$-1\r\n"...)
}

// NullArray replies that there is nothing where an array was to be expected.
func (w *Writer) NullArray() {
	if w.drops(3) {
		return
	}
	if w.Proto == 3 {
		w.B = append(w.B, "_\r\n"...)
		return
	}
	w.B = append(w.B, "*-1\r\n"...)
}

// Array begins an array of n replies, which follow.
func (w *Writer) Array(n int) { w.aggregate('*', n) }

// Set begins a set of n replies; in version 2, an array.
func (w *Writer) Set(n int) {
	if w.Proto == 3 {
		w.aggregate('~', n)
		return
	}
	w.aggregate('*', n)
}

// SetAt begins a set of n replies that were written already, from mark in B on, for callers that do not know their
// number before.
func (w *Writer) SetAt(mark, n int) {
	end := len(w.B)
	w.Set(n)
	w.Hoist(mark, end)
}

// Hoist moves the bytes from end on, no more than the head of an aggregate, in front of those from mark on.
func (w *Writer) Hoist(mark, end int) {
	var head [48]byte
	k := copy(head[:], w.B[end:])
	copy(w.B[mark+k:], w.B[mark:end])
	copy(w.B[mark:], head[:k])
}

// Map begins a map of n pairs of replies; in version 2, an array of 2n.
func (w *Writer) Map(n int) {
	if w.Proto == 3 {
		w.aggregate('%', n)
		return
	}
	w.aggregate('*', 2*n)
}

// IntMap replies a map of names, which are short, to as many integers.
func (w *Writer) IntMap(names []string, values ...int64) {
	n := 0
	for _, name := range names {
		n += len(name) + 8
	}
	if w.drops(n) {
		return
	}
	w.Map(len(names))
	b := w.B // stored once: each store of a slice costs more than a few of its bytes
	for i, name := range names {
		b = append(b, '$')
		b = strconv.AppendInt(b, int64(len(name)), 10)
		b = append(append(append(b, '\r', '\n'), name...), '\r', '\n', ':')
		b = append(strconv.AppendInt(b, values[i], 10), '\r', '\n')
	}
	w.B = b
}

// Push begins an out-of-band message of n replies; in version 2, an array.
func (w *Writer) Push(n int) {
	if w.Proto == 3 {
		w.aggregate('>', n)
		return
	}
	w.aggregate('*', n)
}

// Attribute begins n pairs of names and values about the reply that follows; version 2
// has none.
func (w *Writer) Attribute(n int) { w.aggregate('|', n) }

// Bool replies a boolean; in version 2, 1 or 0.
func (w *Writer) Bool(b bool) {
	switch {
	case w.Proto == 3 && w.drops(4):
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
		if w.drops(len(text) + 3) {
			return
		}
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
	if w.drops(len(text) + 3) {
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
	if w.drops(len(text) + 10) {
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
	if w.drops(len(text) + 3) {
		return
	}
	w.B = append(w.B, '(')
	w.B = append(w.B, text...)
	w.B = append(w.B, '\r', '\n')
}

// aggregate begins an array, a set, a map or a push.
func (w *Writer) aggregate(kind byte, n int) {
	if !w.drops(4) {
		w.prefix(kind, n)
	}
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

// AppendDouble appends f as Redis prints it since 7.2: an integer of at most 62 bits in full, otherwise the fewest
// digits that parse to f; inf, -inf and nan by name.
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
	if f >= -1<<62 && f <= 1<<62 && f == math.Trunc(f) {
		return strconv.AppendInt(b, int64(f), 10)
	}
	return appendShortest(b, f)
}

// appendShortest appends the fewest digits that parse to f, with an exponent where Redis has one: after a point
// when there are more than six digits and four places or more to the left or right of it, before it when more than
// six zeros would be added.
func appendShortest(b []byte, f float64) []byte {
	var buf [32]byte
	e := strconv.AppendFloat(buf[:0], f, 'e', -1, 64)
	if e[0] == '-' {
		b, e = append(b, '-'), e[1:]
	}
	// e is d.ddde±xx.
	mark := bytes.IndexByte(e, 'e')
	exp, _ := strconv.Atoi(string(e[mark+1:]))
	digits := e[:1]
	if mark > 1 {
		digits = e[:1+copy(e[1:], e[2:mark])]
	}
	behind := len(digits) - 1 - exp // digits behind the point, or, below 0, zeros in front of it
	switch size := max(exp, -exp); {
	case behind <= 0 && size < len(digits)+7:
		b = append(b, digits...)
		for range -behind {
			b = append(b, '0')
		}
		return b
	case behind > 0 && (behind < 7 || size < 4):
		if exp < 0 {
			b = append(b, "0."...)
			for range -exp - 1 {
				b = append(b, '0')
			}
			return append(b, digits...)
		}
		b = append(b, digits[:exp+1]...)
		b = append(b, '.')
		return append(b, digits[exp+1:]...)
	}
	b = append(b, digits[0])
	if len(digits) > 1 {
		b = append(b, '.')
		b = append(b, digits[1:]...)
	}
	b = append(b, 'e')
	if exp > 0 {
		b = append(b, '+')
	}
	return strconv.AppendInt(b, int64(exp), 10)
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

// trimZeros removes zeros at the end of a fraction, and the point if the fraction is empty.
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
