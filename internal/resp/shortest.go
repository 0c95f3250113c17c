package resp

import "strconv"

// AppendShortest appends a finite number with the fewest digits that identify it, as Redis writes it since 7.2:
// 100000, 0.1, 1e-7, 1.5e+300.
func AppendShortest(b []byte, f float64) []byte {
	var buf [32]byte
	text := strconv.AppendFloat(buf[:0], f, 'e', -1, 64)
	if text[0] == '-' {
		b, text = append(b, '-'), text[1:]
	}
	// The text is d.ddde±dd.
	at := len(text) - 1
	for text[at] != 'e' {
		at--
	}
	exp, _ := strconv.Atoi(string(text[at+1:]))
	digits := append(buf[:0], text[0])
	if at > 1 {
		digits = append(digits, text[2:at]...)
	}
	n := len(digits)
	zeros := exp - n + 1 // behind the digits
	size := max(exp, -exp)
	switch {
	case zeros >= 0 && size < n+7:
		b = append(b, digits...)
		for range zeros {
			b = append(b, '0')
		}
		return b
	case zeros < 0 && (zeros > -7 || size < 4):
		if exp >= 0 {
			b = append(b, digits[:exp+1]...)
			return append(append(b, '.'), digits[exp+1:]...)
		}
		b = append(b, '0', '.')
		for range -exp - 1 {
			b = append(b, '0')
		}
		return append(b, digits...)
	}
	b = append(b, digits[0])
	if n > 1 {
		b = append(append(b, '.'), digits[1:]...)
	}
	b = append(b, 'e')
	if exp >= 0 {
		b = append(b, '+')
	}
	return strconv.AppendInt(b, int64(exp), 10)
}
