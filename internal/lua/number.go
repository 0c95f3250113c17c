package lua

import (
	"errors"
	"math"
	"strconv"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

const blanks = " \t\n\v\f\r"

// parseNumber reads a number as C's Lua does, with blanks around it. The
// interpreter's own way is Go's: there "010" is 8, and "1_000" a number.
func parseNumber(s string) (glua.LNumber, bool) {
	s = strings.Trim(s, blanks)
	if s == "" || strings.IndexByte(s, '_') >= 0 {
		return 0, false
	}
	digits := strings.TrimLeft(s, "+-")
	if len(digits) > 1 && digits[0] == '0' && digits[1]|0x20 == 'x' && !strings.ContainsAny(digits, "pP") {
		s += "p0"
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return glua.LNumber(f), true
}

// numberOf is a value that is a number or can be read as one.
func numberOf(v glua.LValue) (glua.LNumber, bool) {
	switch v := v.(type) {
	case glua.LNumber:
		return v, true
	case glua.LString:
		return parseNumber(string(v))
	}
	return 0, false
}

// argNumber is an argument that must be a number, or text that is one.
func argNumber(l *glua.LState, i int) float64 {
	if n, ok := numberOf(l.Get(i)); ok {
		return float64(n)
	}
	return float64(l.CheckNumber(i))
}

// takesNumbers has functions read text as a number where they want one: in the
// arguments from one to another.
func (s *State) takesNumbers(t *glua.LTable, from, to int, names ...string) {
	for _, name := range names {
		f := t.RawGetString(name).(*glua.LFunction)
		old := f.GFunction
		f.GFunction = func(l *glua.LState) int {
			for i := from; i <= min(to, l.GetTop()); i++ {
				if text, ok := l.Get(i).(glua.LString); ok {
					if n, ok := parseNumber(string(text)); ok {
						l.Replace(i, n)
					}
				}
			}
			return old(l)
		}
	}
}

func tonumber(l *glua.LState) int {
	v := l.CheckAny(1)
	base := 10.0
	if l.Get(2) != glua.LNil {
		base = argNumber(l, 2)
	}
	if base == 10 {
		if n, ok := numberOf(v); ok {
			l.Push(n)
		} else {
			l.Push(glua.LNil)
		}
		return 1
	}
	if n, ok := v.(glua.LNumber); ok {
		v = glua.LString(numberText(n))
	}
	text, ok := v.(glua.LString)
	if !ok {
		l.TypeError(1, glua.LTString)
	}
	if base < 2 || base > 36 {
		l.ArgError(2, "base out of range")
	}
	if n, ok := parseUnsigned(string(text), int(base)); ok {
		l.Push(glua.LNumber(n))
	} else {
		l.Push(glua.LNil)
	}
	return 1
}

// parseUnsigned is C's strtoul: a negative number wraps, one that is too large becomes the largest.
func parseUnsigned(s string, base int) (uint64, bool) {
	s = strings.Trim(s, blanks)
	s, negative := strings.CutPrefix(s, "-")
	if !negative {
		s = strings.TrimPrefix(s, "+")
	}
	if base == 16 && len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		s = s[2:]
	}
	n, err := strconv.ParseUint(s, base, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return math.MaxUint64, true
	case err != nil:
		return 0, false
	case negative:
		n = -n
	}
	return n, true
}

var arithmetic = map[string]func(a, b float64) float64{
	"__add": func(a, b float64) float64 { return a + b },
	"__sub": func(a, b float64) float64 { return a - b },
	"__mul": func(a, b float64) float64 { return a * b },
	"__div": func(a, b float64) float64 { return a / b },
	"__mod": func(a, b float64) float64 { return a - math.Floor(a/b)*b },
	"__pow": math.Pow,
	"__unm": func(a, _ float64) float64 { return -a },
}

// overrideArithmetic has strings that are operands read by parseNumber. meta is the
// metatable of strings, which the interpreter asks first.
func (s *State) overrideArithmetic(meta *glua.LTable) {
	for event, op := range arithmetic {
		s.set(meta, event, func(l *glua.LState) int {
			x, y := l.Get(1), l.Get(2)
			if event == "__unm" {
				y = x
			}
			a, ok1 := numberOf(x)
			b, ok2 := numberOf(y)
			if ok1 && ok2 {
				l.Push(glua.LNumber(op(float64(a), float64(b))))
				return 1
			}
			for _, v := range []glua.LValue{x, y} { // the other one may know better
				if _, ok := v.(glua.LString); ok {
					continue
				}
				if f, ok := l.GetMetaField(v, event).(*glua.LFunction); ok {
					l.SetTop(0)
					l.Push(f)
					l.Push(x)
					l.Push(y)
					l.Call(2, 1)
					return 1
				}
			}
			if f, ok := failedAt(l, 1); ok {
				l.RaiseError("%s", f.arithmetic(x, y))
			}
			if ok1 {
				x = y
			}
			l.RaiseError("attempt to perform arithmetic on a %s value", x.Type().String())
			return 0
		})
	}
}
