package packed

import (
	"bytes"
	"strconv"
)

// An Entry is one element of a sequence: a string that aliases the sequence, or an integer whose decimal form is
// the string.
type Entry struct {
	text []byte // nil for an integer
	n    int64
}

// Get returns the entry at p.
func Get(b []byte, p int) Entry {
	c := b[p]
	if c&0xC0 == shortString {
		return Entry{text: b[p+1 : p+1+int(c&maxShort)]}
	}
	if v, ok := decodeInt(b, p); ok {
		return Entry{n: v}
	}
	start, n := longBounds(b, p)
	return Entry{text: b[start : start+n]}
}

// Int returns the integer whose decimal form e is; ok is false for other strings.
func (e Entry) Int() (v int64, ok bool) { return e.n, e.text == nil }

// Bytes returns the string of e, which aliases the sequence, or nil if e is an integer.
func (e Entry) Bytes() []byte { return e.text }

// Len is the length of the text of e.
func (e Entry) Len() int {
	if e.text != nil {
		return len(e.text)
	}
	return DecimalLen(e.n)
}

// DecimalLen is the length of the decimal form of v.
func DecimalLen(v int64) int {
	n, u := 1, uint64(v)
	if v < 0 {
		n, u = 2, -u
	}
	for ; u >= 1000; u /= 1000 {
		n += 3
	}
	switch {
	case u >= 100:
		return n + 2
	case u >= 10:
		return n + 1
	}
	return n
}

// AppendTo appends the text of e to dst.
func (e Entry) AppendTo(dst []byte) []byte {
	if e.text != nil {
		return append(dst, e.text...)
	}
	return strconv.AppendInt(dst, e.n, 10)
}

// Equal says whether the text of e is s.
func (e Entry) Equal(s []byte) bool {
	if e.text != nil {
		return string(e.text) == string(s)
	}
	v, ok := parseInt(s)
	return ok && v == e.n
}

// Compare compares the text of e with s, byte by byte.
func (e Entry) Compare(s []byte) int {
	if e.text != nil {
		return bytes.Compare(e.text, s)
	}
	var text [20]byte
	return bytes.Compare(strconv.AppendInt(text[:0], e.n, 10), s)
}
