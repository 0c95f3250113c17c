package lua

import (
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// The patterns of string.find, match, gmatch and gsub are those of Lua 5.1, including the texts of errors: a NUL
// ends a pattern, and %f is a frontier. Matching backtracks, so that a pattern can take a very long time; each
// step counts towards the script's time.

const (
	maxCaptures = 32
	// maxPatternDepth bounds the recursion of a match, which C's Lua leaves to the
	// stack.
	maxPatternDepth = 200000
)

// Values of a capture's length before it is known.
const (
	openCapture     = -1
	positionCapture = -2
)

// A matcher matches one pattern against one text.
type matcher struct {
	s     *State
	l     *glua.LState
	text  string
	pat   string
	depth int
	count int // captures
	at    [maxCaptures]capture
}

type capture struct{ from, size int }

// newMatcher returns a matcher; anchored says that the pattern began with ^, which is
// cut off if anchors have a meaning.
func (s *State) newMatcher(l *glua.LState, text, pattern string, anchors bool) (m *matcher, anchored bool) {
	pattern, _, _ = strings.Cut(pattern, "\x00")
	if anchors {
		pattern, anchored = strings.CutPrefix(pattern, "^")
	}
	return &matcher{s: s, l: l, text: text, pat: pattern}, anchored
}

// start matches at a place and returns the end of the match, or -1.
func (m *matcher) start(at int) int {
	m.count, m.depth = 0, 0
	return m.match(at, 0)
}

func (m *matcher) match(s, p int) int {
	if m.depth++; m.depth > maxPatternDepth {
		m.l.RaiseError("pattern too complex")
	}
	end := m.from(s, p)
	m.depth--
	return end
}

func (m *matcher) from(s, p int) int {
	for {
		m.s.spend(m.l, 1)
		if p == len(m.pat) {
			return s
		}
		switch c := m.pat[p]; {
		case c == '(' && m.is(p+1, ')'):
			return m.open(s, p+2, positionCapture)
		case c == '(':
			return m.open(s, p+1, openCapture)
		case c == ')':
			return m.close(s, p+1)
		case c == '$' && p+1 == len(m.pat):
			if s == len(m.text) {
				return s
			}
			return -1
		case c == '%' && m.is(p+1, 'b'):
			if s = m.balance(s, p+2); s < 0 {
				return -1
			}
			p += 4
			continue
		case c == '%' && m.is(p+1, 'f'):
			p += 2
			if !m.is(p, '[') {
				m.l.RaiseError("%s", "missing '[' after '%f' in pattern")
			}
			end := m.classEnd(p)
			if m.inSet(m.byteAt(s-1), p, end-1) || !m.inSet(m.byteAt(s), p, end-1) {
				return -1
			}
			p = end
			continue
		case c == '%' && p+1 < len(m.pat) && m.pat[p+1] >= '0' && m.pat[p+1] <= '9':
			if s = m.again(s, m.pat[p+1]); s < 0 {
				return -1
			}
			p += 2
			continue
		}
		end := m.classEnd(p)
		one := s < len(m.text) && m.single(m.text[s], p, end)
		switch {
		case m.is(end, '?'):
			if one {
				if e := m.match(s+1, end+1); e >= 0 {
					return e
				}
			}
			p = end + 1
		case m.is(end, '*'):
			return m.most(s, p, end)
		case m.is(end, '+'):
			if !one {
				return -1
			}
			return m.most(s+1, p, end)
		case m.is(end, '-'):
			return m.least(s, p, end)
		case !one:
			return -1
		default:
			s, p = s+1, end
		}
	}
}

// is reports whether a character of the pattern is c.
func (m *matcher) is(p int, c byte) bool { return p < len(m.pat) && m.pat[p] == c }

// byteAt is a character of the text; outside of it, it is NUL.
func (m *matcher) byteAt(s int) byte {
	if s < 0 || s >= len(m.text) {
		return 0
	}
	return m.text[s]
}

// most matches as many of a class as there are, then fewer.
func (m *matcher) most(s, p, end int) int {
	n := 0
	for s+n < len(m.text) && m.single(m.text[s+n], p, end) {
		n++
	}
	m.s.spend(m.l, n/4)
	for ; n >= 0; n-- {
		if e := m.match(s+n, end+1); e >= 0 {
			return e
		}
	}
	return -1
}

// least matches as few of a class as it can.
func (m *matcher) least(s, p, end int) int {
	for {
		if e := m.match(s, end+1); e >= 0 {
			return e
		}
		if s >= len(m.text) || !m.single(m.text[s], p, end) {
			return -1
		}
		s++
	}
}

func (m *matcher) open(s, p, what int) int {
	if m.count >= maxCaptures {
		m.l.RaiseError("too many captures")
	}
	m.at[m.count] = capture{s, what}
	m.count++
	e := m.match(s, p)
	if e < 0 {
		m.count--
	}
	return e
}

func (m *matcher) close(s, p int) int {
	i := m.count - 1
	for i >= 0 && m.at[i].size != openCapture {
		i--
	}
	if i < 0 {
		m.l.RaiseError("invalid pattern capture")
	}
	m.at[i].size = s - m.at[i].from
	e := m.match(s, p)
	if e < 0 {
		m.at[i].size = openCapture
	}
	return e
}

// again matches the text of a capture once more.
func (m *matcher) again(s int, digit byte) int {
	i := int(digit) - '1'
	if i < 0 || i >= m.count || m.at[i].size == openCapture {
		m.l.RaiseError("invalid capture index")
	}
	size := max(m.at[i].size, 0)
	if len(m.text)-s < size || m.text[s:s+size] != m.text[m.at[i].from:m.at[i].from+size] {
		return -1
	}
	return s + size
}

// balance matches %bxy.
func (m *matcher) balance(s, p int) int {
	if p+1 >= len(m.pat) {
		m.l.RaiseError("unbalanced pattern")
	}
	opens, closes := m.pat[p], m.pat[p+1]
	if s >= len(m.text) || m.text[s] != opens {
		return -1
	}
	from := s
	for level := 1; ; {
		if s++; s >= len(m.text) {
			m.s.spend(m.l, (s-from)/4)
			return -1
		}
		switch m.text[s] {
		case closes:
			if level--; level == 0 {
				m.s.spend(m.l, (s-from)/4)
				return s + 1
			}
		case opens:
			level++
		}
	}
}

// classEnd is the end of the class that begins at p.
func (m *matcher) classEnd(p int) int {
	c := m.pat[p]
	p++
	switch c {
	case '%':
		if p >= len(m.pat) {
			m.l.RaiseError("%s", "malformed pattern (ends with '%')")
		}
		return p + 1
	case '[':
		if m.is(p, '^') {
			p++
		}
		for first := true; first || !m.is(p, ']'); first = false {
			if p >= len(m.pat) {
				m.l.RaiseError("malformed pattern (missing ']')")
			}
			c := m.pat[p]
			if p++; c == '%' && p < len(m.pat) {
				p++
			}
		}
		return p + 1
	}
	return p
}

// single reports whether a character is in the class from p to end.
func (m *matcher) single(c byte, p, end int) bool {
	switch m.pat[p] {
	case '.':
		return true
	case '%':
		return inClass(c, m.pat[p+1])
	case '[':
		return m.inSet(c, p, end-1)
	}
	return m.pat[p] == c
}

// inSet reports whether a character is in the set whose brackets are at p and end.
func (m *matcher) inSet(c byte, p, end int) bool {
	is := true
	if m.pat[p+1] == '^' {
		is = false
		p++
	}
	for p++; p < end; p++ {
		switch {
		case m.pat[p] == '%':
			if p++; inClass(c, m.pat[p]) {
				return is
			}
		case m.pat[p+1] == '-' && p+2 < end:
			p += 2
			if m.pat[p-2] <= c && c <= m.pat[p] {
				return is
			}
		case m.pat[p] == c:
			return is
		}
	}
	return !is
}

func inClass(c, class byte) bool {
	var is bool
	digit, lower, upper := c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z'
	switch class | 0x20 {
	case 'a':
		is = lower || upper
	case 'c':
		is = c < ' ' || c == 127
	case 'd':
		is = digit
	case 'l':
		is = lower
	case 'p':
		is = c > ' ' && c < 127 && !digit && !lower && !upper
	case 's':
		is = c == ' ' || c >= '\t' && c <= '\r'
	case 'u':
		is = upper
	case 'w':
		is = digit || lower || upper
	case 'x':
		is = digit || c|0x20 >= 'a' && c|0x20 <= 'f'
	case 'z':
		is = c == 0
	default:
		return class == c
	}
	if class < 'a' || class > 'z' {
		if class < 'A' || class > 'Z' {
			return class == c
		}
		return !is
	}
	return is
}

// captured is the i-th capture of a match, or all of the match if there is none.
func (m *matcher) captured(i, from, to int) glua.LValue {
	if i >= m.count {
		if i != 0 {
			m.l.RaiseError("invalid capture index")
		}
		return glua.LString(m.text[from:to])
	}
	c := m.at[i]
	switch c.size {
	case openCapture:
		m.l.RaiseError("unfinished capture")
	case positionCapture:
		return glua.LNumber(c.from + 1)
	}
	return glua.LString(m.text[c.from : c.from+c.size])
}

// push pushes all captures of a match, or all of it if there are none.
func (m *matcher) push(from, to int) int {
	n := max(m.count, 1)
	for i := range n {
		m.l.Push(m.captured(i, from, to))
	}
	return n
}

// searchFrom is the place at which a search begins that was asked to begin at n.
func searchFrom(text string, n float64) int {
	if n < 0 {
		n += float64(len(text) + 1)
	}
	return int(min(max(n-1, 0), float64(len(text))))
}

// find is string.find and string.match.
func (s *State) find(l *glua.LState, find bool) int {
	text, pattern := s.argText(l, 1), s.argText(l, 2)
	from := 0
	if l.Get(3) != glua.LNil {
		from = searchFrom(text, float64(truncate(argNumber(l, 3))))
	}
	special, _, _ := strings.Cut(pattern, "\x00")
	if find && (l.ToBool(4) || !strings.ContainsAny(special, "^$*+?.([%-")) {
		s.spend(l, len(text)/32)
		i := strings.Index(text[from:], pattern)
		if i < 0 {
			l.Push(glua.LNil)
			return 1
		}
		l.Push(glua.LNumber(from + i + 1))
		l.Push(glua.LNumber(from + i + len(pattern)))
		return 2
	}
	m, anchored := s.newMatcher(l, text, pattern, true)
	for ; from <= len(text); from++ {
		if end := m.start(from); end >= 0 {
			if !find {
				return m.push(from, end)
			}
			l.Push(glua.LNumber(from + 1))
			l.Push(glua.LNumber(end))
			if m.count == 0 {
				return 2
			}
			return 2 + m.push(from, end)
		}
		if anchored {
			break
		}
	}
	l.Push(glua.LNil)
	return 1
}

// gmatch is string.gmatch.
func (s *State) gmatch(l *glua.LState) int {
	text, pattern := s.argText(l, 1), s.argText(l, 2)
	from := 0
	l.Push(l.NewFunction(func(l *glua.LState) int {
		for m, _ := s.newMatcher(l, text, pattern, false); from <= len(text); from++ {
			if end := m.start(from); end >= 0 {
				at := from
				if from = end; end == at {
					from++ // an empty match is not found twice
				}
				return m.push(at, end)
			}
		}
		return 0
	}))
	return 1
}

// gsub is string.gsub.
func (s *State) gsub(l *glua.LState) int {
	text, pattern := s.argText(l, 1), s.argText(l, 2)
	with := l.Get(3)
	if n, ok := with.(glua.LNumber); ok {
		with = glua.LString(numberText(n))
	}
	switch with.(type) {
	case glua.LString, *glua.LTable, *glua.LFunction:
	default:
		l.ArgError(3, "string/function/table expected")
	}
	most := len(text) + 1
	if l.Get(4) != glua.LNil {
		most = int(min(float64(most), float64(truncate(argNumber(l, 4)))))
	}
	m, anchored := s.newMatcher(l, text, pattern, true)
	var b []byte
	n, at := 0, 0
	for n < most {
		end := m.start(at)
		if end >= 0 {
			n++
			b = m.replace(b, with, at, end)
			if len(b) > maxString {
				l.RaiseError("not enough memory")
			}
		}
		switch {
		case end > at:
			at = end
		case at < len(text):
			b = append(b, text[at])
			at++
		default:
			at++
		}
		if at > len(text) || anchored {
			break
		}
	}
	if at < len(text) {
		b = append(b, text[at:]...)
	}
	l.Push(glua.LString(b))
	l.Push(glua.LNumber(n))
	return 2
}

// replace appends the replacement of a match.
func (m *matcher) replace(b []byte, with glua.LValue, from, to int) []byte {
	l := m.l
	var v glua.LValue
	switch with := with.(type) {
	case glua.LString:
		return m.replaceText(b, string(with), from, to)
	case *glua.LTable:
		v = l.GetTable(with, m.captured(0, from, to))
	case *glua.LFunction:
		l.Push(with)
		l.Call(m.push(from, to), 1)
		v = l.Get(-1)
		l.Pop(1)
	}
	switch v := v.(type) {
	case glua.LString:
		return append(b, v...)
	case glua.LNumber:
		return appendNumber(b, float64(v))
	}
	if glua.LVAsBool(v) {
		l.RaiseError("invalid replacement value (a %s)", v.Type().String())
	}
	return append(b, m.text[from:to]...)
}

func (m *matcher) replaceText(b []byte, with string, from, to int) []byte {
	m.s.spend(m.l, len(with)/16)
	for i := 0; i < len(with); i++ {
		c := with[i]
		if c == '%' {
			if i++; i == len(with) {
				return append(b, 0) // C's string ends there
			}
			c = with[i]
			switch {
			case c == '0':
				b = append(b, m.text[from:to]...)
				continue
			case c >= '1' && c <= '9':
				switch v := m.captured(int(c-'1'), from, to).(type) {
				case glua.LString:
					b = append(b, v...)
				case glua.LNumber:
					b = appendNumber(b, float64(v))
				}
				continue
			}
		}
		b = append(b, c)
	}
	return b
}
