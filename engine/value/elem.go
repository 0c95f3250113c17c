package value

import (
	"bytes"
	"strconv"

	"cached/engine/packed"
)

// An Elem is an element of a collection as commands see it: a string, or an integer whose decimal form is the
// string. It aliases the collection.
type Elem struct {
	b     []byte
	n     int64
	isInt bool
}

// Text is the Elem of a string.
func Text(b []byte) Elem { return Elem{b: b} }

// Number is the Elem of an integer.
func Number(n int64) Elem { return Elem{n: n, isInt: true} }

// elemAt is the entry at p of a sequence.
func elemAt(b []byte, p int) Elem {
	e := packed.Get(b, p)
	if n, ok := e.Int(); ok {
		return Number(n)
	}
	return Text(e.Bytes())
}

// Int returns the integer of an element that is stored as one; a stored string is none, even if it looks like one.
func (e Elem) Int() (int64, bool) { return e.n, e.isInt }

// Append appends the element's text to dst.
func (e Elem) Append(dst []byte) []byte {
	if e.isInt {
		return strconv.AppendInt(dst, e.n, 10)
	}
	return append(dst, e.b...)
}

// Bytes returns the element's text: its own bytes, or in buf, which has room for
// 20.
func (e Elem) Bytes(buf []byte) []byte {
	if e.isInt {
		return strconv.AppendInt(buf[:0], e.n, 10)
	}
	return e.b
}

// Len is the length of the text.
func (e Elem) Len() int {
	if e.isInt {
		return packed.DecimalLen(e.n)
	}
	return len(e.b)
}

// Equal reports whether the text is b.
func (e Elem) Equal(b []byte) bool {
	var buf [20]byte
	return bytes.Equal(e.Bytes(buf[:]), b)
}
