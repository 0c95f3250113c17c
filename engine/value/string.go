package value

import "math"

// EmbstrMax is the longest string Redis embeds in its object, and so calls
// embstr.
const EmbstrMax = 44

// StringEncoding is how Redis would store a string that was set as a whole: int
// for the canonical decimal form of an int64, embstr up to 44 bytes, else raw.
// The bytes are stored alike.
func StringEncoding(b []byte) Encoding {
	if len(b) <= 20 {
		if _, ok := ParseInt(b); ok {
			return Int
		}
	}
	return TextEncoding(b)
}

// TextEncoding is the encoding of a string that is not kept as an integer.
func TextEncoding(b []byte) Encoding {
	if len(b) <= EmbstrMax {
		return Embstr
	}
	return Raw
}

// ParseInt parses the canonical decimal form of an int64: no sign but a leading minus, no leading zeros, no space,
// nothing else.
func ParseInt(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	digits, negative := b, false
	if b[0] == '-' {
		digits, negative = b[1:], true
	}
	if len(digits) == 0 {
		return 0, false
	}
	if digits[0] == '0' {
		return 0, len(b) == 1
	}
	var n uint64
	for i, c := range digits {
		c -= '0'
		if c > 9 {
			return 0, false
		}
		if i >= 19 || n > (math.MaxUint64-9)/10 {
			return 0, false
		}
		n = n*10 + uint64(c)
	}
	if negative {
		if n > 1<<63 {
			return 0, false
		}
		return -int64(n), true
	}
	if n > math.MaxInt64 {
		return 0, false
	}
	return int64(n), true
}
