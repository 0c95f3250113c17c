package lua

import (
	"fmt"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

func (s *State) overrideString(t *glua.LTable) {
	t.RawSetString("dump", glua.LNil)
	s.set(t, "dump", func(l *glua.LState) int {
		l.RaiseError("unable to dump given function")
		return 0
	})
	rep := func(l *glua.LState) int {
		str, n := s.argText(l, 1), l.CheckNumber(2)
		if n <= 0 || str == "" {
			l.Push(glua.LString(""))
			return 1
		}
		if float64(len(str))*float64(n) > maxString {
			l.RaiseError("not enough memory")
		}
		s.spend(l, len(str)*int(n)/64)
		l.Push(glua.LString(strings.Repeat(str, int(n))))
		return 1
	}
	s.set(t, "rep", rep)
	s.set(t, "format", s.format)
	s.set(t, "lower", func(l *glua.LState) int { return s.mapBytes(l, 'A', 'Z') })
	s.set(t, "upper", func(l *glua.LState) int { return s.mapBytes(l, 'a', 'z') })
	s.set(t, "char", func(l *glua.LState) int {
		b := make([]byte, l.GetTop())
		for i := range b {
			n := int64(argNumber(l, i+1))
			if n < 0 || n > 255 {
				l.ArgError(i+1, "invalid value")
			}
			b[i] = byte(n)
		}
		l.Push(glua.LString(b))
		return 1
	})
	s.set(t, "find", func(l *glua.LState) int { return s.find(l, true) })
	s.set(t, "match", func(l *glua.LState) int { return s.find(l, false) })
	s.set(t, "gmatch", s.gmatch)
	s.set(t, "gsub", s.gsub)
	for _, name := range []string{"len", "reverse", "sub", "byte"} {
		f, ok := t.RawGetString(name).(*glua.LFunction)
		if !ok {
			continue
		}
		old := f.GFunction
		if f.Upvalues != nil {
			continue
		}
		s.set(t, name, func(l *glua.LState) int {
			// Numbers become strings here and not in the interpreter's way.
			if n, ok := l.Get(1).(glua.LNumber); ok {
				l.Replace(1, glua.LString(numberText(n)))
			} else if text, ok := l.Get(1).(glua.LString); ok && name == "reverse" {
				s.spend(l, len(text)/16)
			}
			return old(l)
		})
	}
	s.takesNumbers(t, 2, 2, "rep")
	s.takesNumbers(t, 2, 3, "sub", "byte")
}

// mapBytes is string.lower or upper, of bytes and not of runes: bytes that are not ASCII stay the same.
func (s *State) mapBytes(l *glua.LState, from, to byte) int {
	b := []byte(s.argText(l, 1))
	s.spend(l, len(b)/16)
	for i, c := range b {
		if from <= c && c <= to {
			b[i] = c ^ 0x20
		}
	}
	l.Push(glua.LString(b))
	return 1
}

// format is string.format with C's directives.
func (s *State) format(l *glua.LState) int {
	f := s.argText(l, 1)
	var b []byte
	arg := 1
	for i := 0; i < len(f); i++ {
		if f[i] != '%' {
			b = append(b, f[i])
			continue
		}
		i++
		if i < len(f) && f[i] == '%' {
			b = append(b, '%')
			continue
		}
		from := i
		for i < len(f) && strings.IndexByte("-+ #0", f[i]) >= 0 {
			i++
		}
		digits := i
		for i < len(f) && (f[i] >= '0' && f[i] <= '9' || f[i] == '.') {
			i++
		}
		if i-digits > 5 || digits-from > 5 {
			l.RaiseError("invalid format (width or precision too long)")
		}
		if i >= len(f) {
			l.RaiseError("%s", "invalid option '%' to 'format'")
		}
		spec := "%" + f[from:i]
		if arg++; arg > l.GetTop() && strings.IndexByte("cdiuoxXeEfgGqs", f[i]) >= 0 {
			l.ArgError(arg, "no value")
		}
		switch verb := f[i]; verb {
		case 'c':
			b = append(b, byte(int64(argNumber(l, arg))))
		case 'd', 'i':
			b = fmt.Appendf(b, spec+"d", truncate(argNumber(l, arg)))
		case 'u':
			b = fmt.Appendf(b, spec+"d", unsigned(argNumber(l, arg)))
		case 'o', 'x', 'X':
			b = fmt.Appendf(b, spec+string(verb), unsigned(argNumber(l, arg)))
		case 'e', 'E', 'f':
			n := argNumber(l, arg)
			if n-n != 0 { // C's words for infinities and NaN
				b = appendGeneral(b, spec, verb, n)
				break
			}
			b = fmt.Appendf(b, spec+string(verb), n)
		case 'g', 'G':
			b = appendGeneral(b, spec, verb, argNumber(l, arg))
		case 'q':
			b = appendQuoted(b, s.argText(l, arg))
		case 's':
			b = fmt.Appendf(b, spec+"s", s.argText(l, arg))
		default:
			l.RaiseError("invalid option '%%%c' to 'format'", verb)
		}
		s.spend(l, 4)
		if len(b) > maxString {
			l.RaiseError("not enough memory")
		}
	}
	l.Push(glua.LString(b))
	return 1
}

// appendGeneral is %g, whose precision, unlike Go's, is 6 when nothing is said.
func appendGeneral(b []byte, spec string, verb byte, n float64) []byte {
	digits := 6
	flags, precision, ok := strings.Cut(spec[1:], ".")
	if ok {
		digits = 0
		_, _ = fmt.Sscanf(precision, "%d", &digits)
	}
	text := string(appendNumber(nil, n))
	if n-n == 0 {
		text = string(appendG(nil, n, min(max(digits, 1), 99)))
	}
	if verb == 'G' || verb == 'E' {
		text = strings.ToUpper(text)
	}
	if strings.Contains(flags, "+") && n >= 0 {
		text = "+" + text
	}
	width := 0
	_, _ = fmt.Sscanf(strings.TrimLeft(flags, "-+ #0"), "%d", &width)
	if strings.HasPrefix(flags, "-") {
		width = -width
	}
	return fmt.Appendf(b, "%*s", width, text)
}

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\\', '\n':
			b = append(b, '\\', c)
		case '\r':
			b = append(b, "\\r"...)
		case 0:
			b = append(b, "\\000"...)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
