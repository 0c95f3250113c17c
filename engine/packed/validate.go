package packed

import (
	"encoding/binary"
	"errors"
)

// The reasons for which Validate refuses a sequence.
var (
	ErrTruncated = errors.New("packed: sequence ends inside an entry")
	ErrForm      = errors.New("packed: entry in an unknown or not its shortest form")
	ErrBack      = errors.New("packed: back-length disagrees with the entry")
	ErrCount     = errors.New("packed: count disagrees with the entries")
	ErrSet       = errors.New("packed: integer set broken")
)

// Validate reports whether b, which may be any bytes, is a sequence that this package could have written. It is
// called for bytes from outside: the other functions trust their arguments.
func Validate(b []byte) error {
	if len(b) < HeaderBytes {
		return ErrTruncated
	}
	n := 0
	for p := HeaderBytes; p < len(b); n++ {
		next, err := validateEntry(b, p)
		if err != nil {
			return err
		}
		p = next
	}
	if c := int(binary.LittleEndian.Uint16(b)); c != manyEntries && c != n {
		return ErrCount
	}
	return nil
}

// validateEntry checks the entry at p and returns the position behind it.
func validateEntry(b []byte, p int) (int, error) {
	left, c := len(b)-p, b[p]
	if c >= firstInvalid {
		return 0, ErrForm
	}
	// How far the head reaches must be known before it is read.
	switch {
	case sizes[c] != 0:
		if int(sizes[c]) > left {
			return 0, ErrTruncated
		}
	case c < longString && left < 2, c == longString && left < 5:
		return 0, ErrTruncated
	default:
		if start, n := longBounds(b, p); start+n+backSize(start+n-p) > len(b) {
			return 0, ErrTruncated
		}
	}
	// The entry must have the encoding that this package writes for its text.
	var h head
	e := Get(b, p)
	if v, ok := e.Int(); ok {
		h.ofInt(v)
	} else {
		h.of(e.text)
	}
	size := entrySize(b, p)
	if h.bytes[0] != c || h.size() != size || !h.at(b, p, e.text) {
		return 0, ErrForm
	}
	body := h.n + h.data
	end := p + size
	first := p + body
	for i := end - 1; i >= first; i-- {
		want := byte(body & 0x7f)
		if i > first {
			want |= 0x80
		}
		if b[i] != want {
			return 0, ErrBack
		}
		body >>= 7
	}
	return end, nil
}
