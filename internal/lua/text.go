package lua

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// appendNumber appends a number as C's Lua writes it: %.14g.
func appendNumber(b []byte, n float64) []byte {
	switch {
	case math.IsNaN(n):
		if math.Signbit(n) {
			return append(b, "-nan"...)
		}
		return append(b, "nan"...)
	case math.IsInf(n, 1):
		return append(b, "inf"...)
	case math.IsInf(n, -1):
		return append(b, "-inf"...)
	case n == math.Trunc(n) && math.Abs(n) < 1e14 && (n != 0 || !math.Signbit(n)):
		return strconv.AppendInt(b, int64(n), 10)
	}
	return appendG(b, n, 14)
}

// appendG appends n as C's printf does for %.<digits>g.
func appendG(b []byte, n float64, digits int) []byte {
	e := strconv.FormatFloat(n, 'e', digits-1, 64)
	mantissa, power, _ := strings.Cut(e, "e")
	exp, _ := strconv.Atoi(power)
	if exp >= -4 && exp < digits {
		return append(b, trimZeros(strconv.FormatFloat(n, 'f', digits-1-exp, 64))...)
	}
	return fmt.Appendf(b, "%se%+03d", trimZeros(mantissa), exp)
}

func trimZeros(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

func numberText(n glua.LNumber) string {
	var buf [32]byte
	return string(appendNumber(buf[:0], float64(n)))
}

// concatOperand formats an operand of `..` that may be a number.
func concatOperand(l *glua.LState) int {
	switch l.GetTop() {
	case 0:
		return 0
	case 2:
		return length(l)
	case 4:
		return forNumbers(l)
	}
	v := l.Get(1)
	if n, ok := v.(glua.LNumber); ok {
		v = glua.LString(numberText(n))
	}
	l.Push(v)
	return 1
}

// forNumbers reads the numbers of a for statement.
func forNumbers(l *glua.LState) int {
	for i, what := range []string{"initial value", "limit", "step"} {
		n, ok := numberOf(l.Get(i + 1))
		if !ok {
			l.RaiseError("'for' %s must be a number", what)
		}
		l.Push(n)
	}
	return 3
}

// length is #, which asks no metatable.
func length(l *glua.LState) int {
	switch v := l.Get(1).(type) {
	case glua.LString:
		l.Push(glua.LNumber(len(v)))
	case *glua.LTable:
		l.Push(glua.LNumber(v.Len()))
	default:
		text := "attempt to get length of a " + v.Type().String() + " value"
		if f, ok := failedAt(l, 1); ok {
			text = f.about("get length of", 0, v.Type().String())
		}
		l.RaiseError("%s", text)
	}
	return 1
}

// text is tostring without metatables.
func (s *State) text(v glua.LValue) string {
	switch v := v.(type) {
	case glua.LNumber:
		return numberText(v)
	case *glua.LUserData:
		if v == s.null {
			return "userdata: (nil)"
		}
	}
	return v.String()
}

var badArgument = regexp.MustCompile(`(?s)^bad argument #(\d+) to (\w+|\([a-z ]+\)|\?) \((.*)$`)

// translate gives messages of the interpreter that have no instruction the texts of C's Lua.
func translate(msg string) string {
	if rest, ok := strings.CutPrefix(msg, "attempt to index a non-table object("); ok {
		typ, _, _ := strings.Cut(rest, ")")
		return "attempt to index a " + typ + " value"
	}
	if m := badArgument.FindStringSubmatch(msg); m != nil {
		return "bad argument #" + m[1] + " to '" + m[2] + "' (" + m[3]
	}
	if msg == "attempt to call a non-function object" {
		return "attempt to call a nil value"
	}
	if rest, ok := strings.CutPrefix(msg, "attempt to compare "); ok {
		a, b, _ := strings.Cut(rest, " with ")
		if a == b && a != "" {
			return "attempt to compare two " + a + " values"
		}
	}
	return msg
}
