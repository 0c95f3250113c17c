package packed

import "encoding/binary"

const (
	shortString  = 0x80 // with a length below 64
	int13        = 0xC0
	mediumString = 0xE0 // with a length below 4096
	longString   = 0xF0
	int16Form    = 0xF1
	int24Form    = 0xF2
	int32Form    = 0xF3
	int48Form    = 0xF4
	int64Form    = 0xF5
	firstInvalid = 0xF6

	maxShort  = 63
	maxMedium = 4095
	maxString = 1<<32 - 1
)

// sizes is how many bytes the whole entry takes whose head begins with the
// indexing byte; 0 sends the reader to the length behind it.
var sizes = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c < shortString:
			t[c] = 2
		case c < int13:
			t[c] = uint8(c&maxShort) + 2
		case c < mediumString:
			t[c] = 3
		case c >= int16Form && c < firstInvalid:
			t[c] = uint8(intBytes[c-int16Form]) + 2
		}
	}
	return t
}()

// intBytes is the width of the forms from int16Form on.
var intBytes = [...]uint8{2, 3, 4, 6, 8}

// A head is the beginning of an entry: for an integer all of it but the back-length, otherwise all but the string
// and the back-length.
type head struct {
	bytes [9]byte
	n     int // of bytes, those in use
	data  int // bytes of the string that follows
}

// of sets h to the head of the entry that stores s.
func (h *head) of(s []byte) {
	if v, ok := parseInt(s); ok {
		h.ofInt(v)
		return
	}
	h.data = len(s)
	switch n := len(s); {
	case n <= maxShort:
		h.bytes[0] = shortString | byte(n)
		h.n = 1
	case n <= maxMedium:
		h.bytes[0] = mediumString | byte(n>>8)
		h.bytes[1] = byte(n)
		h.n = 2
	case n <= maxString:
		h.bytes[0] = longString
		binary.LittleEndian.PutUint32(h.bytes[1:], uint32(n))
		h.n = 5
	default:
		panic("packed: string beyond 4 GiB")
	}
}

// ofInt sets h to the entry that stores the decimal form of v.
func (h *head) ofInt(v int64) {
	h.data = 0
	if uint64(v) <= 127 {
		h.bytes[0] = byte(v)
		h.n = 1
		return
	}
	if v >= -1<<12 && v < 1<<12 {
		h.bytes[0] = int13 | byte(v>>8)&0x1f
		h.bytes[1] = byte(v)
		h.n = 2
		return
	}
	f := intForm(v)
	h.bytes[0] = byte(int16Form + f)
	binary.LittleEndian.PutUint64(h.bytes[1:], uint64(v)) // the high bytes are cut off below
	h.n = 1 + int(intBytes[f])
}

// intForm returns the index in intBytes of the narrowest form that holds v.
func intForm(v int64) int {
	switch {
	case v == int64(int16(v)):
		return 0
	case v == v<<40>>40:
		return 1
	case v == int64(int32(v)):
		return 2
	case v == v<<16>>16:
		return 3
	}
	return 4
}

// size is the size of the whole entry.
func (h *head) size() int {
	body := h.n + h.data
	return body + backSize(body)
}

// put writes the entry at p, where there must be room for it, and returns the
// position behind it.
func (h *head) put(b []byte, p int, s []byte) int {
	p += copy(b[p:], h.bytes[:h.n])
	body := h.n
	if h.data > 0 {
		p += copy(b[p:], s)
		body += h.data
	}
	if body < 1<<7 {
		b[p] = byte(body)
		return p + 1
	}
	n := backSize(body)
	for i := n - 1; i > 0; i-- { // the lowest bits are last
		b[p+i] = byte(body) | 0x80
		body >>= 7
	}
	b[p] = byte(body)
	return p + n
}

// backSize is how many bytes the back-length of body bytes takes.
func backSize(body int) int {
	n := 1
	for body >>= 7; body > 0; body >>= 7 {
		n++
	}
	return n
}

// entrySize is the size of the entry at p.
func entrySize(b []byte, p int) int {
	if n := sizes[b[p]]; n != 0 {
		return int(n)
	}
	return stringSize(b, p)
}

// stringSize is entrySize for a string too long for a table.
func stringSize(b []byte, p int) int {
	start, n := longBounds(b, p)
	body := start + n - p
	return body + backSize(body)
}

// longBounds returns where a medium or long string at p starts and its length.
func longBounds(b []byte, p int) (start, n int) {
	if c := b[p]; c < longString {
		return p + 2, int(c&0x0f)<<8 | int(b[p+1])
	}
	return p + 5, int(binary.LittleEndian.Uint32(b[p+1:]))
}

// before returns the position of the entry that ends at p.
func before(b []byte, p int) int {
	c := b[p-1]
	if c < 0x80 {
		return p - 1 - int(c)
	}
	body, shift := int(c&0x7f), 7
	for p--; c >= 0x80; shift += 7 {
		p--
		c = b[p]
		body |= int(c&0x7f) << shift
	}
	return p - body
}

// decodeInt returns the integer whose entry begins at p; ok says whether it is one.
func decodeInt(b []byte, p int) (v int64, ok bool) {
	c := b[p]
	switch {
	case c < shortString:
		return int64(c), true
	case c < int13:
		return 0, false
	case c < mediumString:
		return int64(uint64(c)<<59|uint64(b[p+1])<<51) >> 51, true
	case c < int16Form:
		return 0, false
	}
	switch c {
	case int16Form:
		return int64(int16(binary.LittleEndian.Uint16(b[p+1:]))), true
	case int24Form:
		// The byte behind is the back-length: a four-byte read stays inside.
		return int64(int32(binary.LittleEndian.Uint32(b[p+1:])<<8)) >> 8, true
	case int32Form:
		return int64(int32(binary.LittleEndian.Uint32(b[p+1:]))), true
	case int48Form:
		lo := uint64(binary.LittleEndian.Uint32(b[p+1:]))
		hi := uint64(binary.LittleEndian.Uint16(b[p+5:]))
		return int64(hi<<48|lo<<16) >> 16, true
	}
	return int64(binary.LittleEndian.Uint64(b[p+1:])), true
}

// parseInt reads s if it is the canonical decimal form of an int64.
func parseInt(s []byte) (v int64, ok bool) {
	if len(s) == 0 || len(s) > 20 {
		return 0, false
	}
	digits := s
	if s[0] == '-' {
		digits = s[1:]
	}
	if len(digits) == 0 || len(digits) > 19 {
		return 0, false
	}
	if digits[0] == '0' {
		return 0, len(s) == 1
	}
	var u uint64 // nineteen digits do not overflow it
	for _, c := range digits {
		c -= '0'
		if c > 9 {
			return 0, false
		}
		u = u*10 + uint64(c)
	}
	if len(digits) != len(s) {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u < 1<<63
}
