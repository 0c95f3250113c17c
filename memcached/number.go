package memcached

import "math"

// Numbers are read as memcached reads them: with blanks and a sign in front, and up to a blank.

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// parseNumber reads a number of up to 64 bits and its sign.
func parseNumber(b []byte) (n uint64, negative, ok bool) {
	i := 0
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		negative = b[i] == '-'
		i++
	}
	first := i
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		d := uint64(b[i] - '0')
		if n > (math.MaxUint64-d)/10 {
			return 0, false, false
		}
		n = n*10 + d
	}
	if i == first || i < len(b) && !isSpace(b[i]) && b[i] != 0 {
		return 0, false, false
	}
	return n, negative, true
}

// parseUint64 reads a number without sign.
func parseUint64(b []byte) (uint64, bool) {
	n, negative, ok := parseNumber(b)
	if negative {
		if n = -n; int64(n) < 0 {
			return 0, false
		}
	}
	return n, ok
}

// parseInt32 reads a number of 64 bits, of which the lower 32 count.
func parseInt32(b []byte) (int32, bool) {
	n, negative, ok := parseNumber(b)
	if !ok || n > math.MaxInt64 {
		return 0, false
	}
	if negative {
		n = -n
	}
	return int32(n), true
}
