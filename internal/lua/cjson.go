package lua

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	glua "github.com/yuin/gopher-lua"
)

// cjsonConfig holds the settings that a script may change; they last as long as the script.
type cjsonConfig struct {
	sparseConvert bool
	sparseRatio   int
	sparseSafe    int
	encodeDepth   int
	decodeDepth   int
	digits        int
	invalidEncode invalidNumbers
	invalidDecode bool
	keepBuffer    bool
}

type invalidNumbers uint8

const (
	refuseInvalid invalidNumbers = iota
	allowInvalid
	nullInvalid
)

var defaultCJSON = cjsonConfig{sparseRatio: 2, sparseSafe: 10, encodeDepth: 1000, decodeDepth: 1000, digits: 14,
	invalidDecode: true, keepBuffer: true}

// cjsonTable makes a cjson library with options of its own.
func (s *State) cjsonTable(options *cjsonConfig) *glua.LTable {
	*options = defaultCJSON
	t := s.l.NewTable()
	set := func(name string, f glua.LGFunction) {
		s.set(t, name, func(l *glua.LState) int {
			s.cjson = options
			return f(l)
		})
	}
	t.RawSetString("null", s.null)
	t.RawSetString("_NAME", glua.LString("cjson"))
	t.RawSetString("_VERSION", glua.LString("2.1.0"))
	set("encode", func(l *glua.LState) int {
		if l.GetTop() != 1 {
			l.ArgError(1, "expected 1 argument")
		}
		l.Push(glua.LString(s.appendJSON(nil, l.Get(1), 0)))
		return 1
	})
	set("decode", func(l *glua.LState) int {
		if l.GetTop() != 1 {
			l.ArgError(1, "expected 1 argument")
		}
		d := jsonReader{s: s, in: s.argText(l, 1)}
		l.Push(d.document())
		return 1
	})
	set("encode_sparse_array", func(l *glua.LState) int {
		c := s.cjson
		if l.Get(1) != glua.LNil {
			c.sparseConvert = l.ToBool(1)
		}
		option(l, 2, &c.sparseRatio, 0, math.MaxInt32)
		option(l, 3, &c.sparseSafe, 0, math.MaxInt32)
		l.Push(glua.LBool(c.sparseConvert))
		l.Push(glua.LNumber(c.sparseRatio))
		l.Push(glua.LNumber(c.sparseSafe))
		return 3
	})
	depth := func(name string, at func() *int) {
		set(name, func(l *glua.LState) int {
			option(l, 1, at(), 1, math.MaxInt32)
			l.Push(glua.LNumber(*at()))
			return 1
		})
	}
	depth("encode_max_depth", func() *int { return &s.cjson.encodeDepth })
	depth("decode_max_depth", func() *int { return &s.cjson.decodeDepth })
	set("encode_number_precision", func(l *glua.LState) int {
		option(l, 1, &s.cjson.digits, 1, 14)
		l.Push(glua.LNumber(s.cjson.digits))
		return 1
	})
	set("encode_keep_buffer", func(l *glua.LState) int {
		if l.GetTop() > 0 {
			s.cjson.keepBuffer = l.ToBool(1)
		}
		l.Push(glua.LBool(s.cjson.keepBuffer))
		return 1
	})
	set("encode_invalid_numbers", func(l *glua.LState) int {
		switch v := l.Get(1); {
		case v == glua.LString("null"):
			s.cjson.invalidEncode = nullInvalid
		case l.GetTop() > 0 && l.ToBool(1):
			s.cjson.invalidEncode = allowInvalid
		case l.GetTop() > 0:
			s.cjson.invalidEncode = refuseInvalid
		}
		l.Push([]glua.LValue{glua.LFalse, glua.LTrue, glua.LString("null")}[s.cjson.invalidEncode])
		return 1
	})
	set("decode_invalid_numbers", func(l *glua.LState) int {
		if l.GetTop() > 0 {
			s.cjson.invalidDecode = l.ToBool(1)
		}
		l.Push(glua.LBool(s.cjson.invalidDecode))
		return 1
	})
	set("new", func(l *glua.LState) int {
		l.Push(s.cjsonTable(new(cjsonConfig)))
		return 1
	})
	return t
}

// option sets an integer option within its range, if the argument is there.
func option(l *glua.LState, i int, p *int, lo, hi int) {
	if l.Get(i) == glua.LNil {
		return
	}
	n := l.CheckInt(i)
	if n < lo || n > hi {
		l.ArgError(i, fmt.Sprintf("expected integer between %d and %d", lo, hi))
	}
	*p = n
}

func (s *State) appendJSON(b []byte, v glua.LValue, depth int) []byte {
	s.spend(s.l, 1)
	if len(b) > maxString {
		s.l.RaiseError("not enough memory")
	}
	switch v := v.(type) {
	case glua.LString:
		s.spend(s.l, len(v)/16)
		return appendJSONString(b, string(v))
	case glua.LNumber:
		return s.appendJSONNumber(b, float64(v))
	case glua.LBool:
		return strconv.AppendBool(b, bool(v))
	case *glua.LNilType:
		return append(b, "null"...)
	case *glua.LTable:
		return s.appendJSONTable(b, s.behind(v), depth+1)
	}
	if v == s.null {
		return append(b, "null"...)
	}
	s.l.RaiseError("Cannot serialise %s: type not supported", v.Type().String())
	return nil
}

func (s *State) appendJSONNumber(b []byte, n float64) []byte {
	if n-n != 0 {
		switch s.cjson.invalidEncode {
		case refuseInvalid:
			s.l.RaiseError("Cannot serialise number: must not be NaN or Inf")
		case nullInvalid:
			return append(b, "null"...)
		}
		if math.IsNaN(n) {
			return append(b, "-nan"...)
		}
		return appendNumber(b, n)
	}
	if s.cjson.digits == 14 {
		return appendNumber(b, n)
	}
	return appendG(b, n, s.cjson.digits)
}

func (s *State) appendJSONTable(b []byte, t *glua.LTable, depth int) []byte {
	if depth > s.cjson.encodeDepth {
		s.l.RaiseError("Cannot serialise, excessive nesting (%d)", depth)
	}
	if n := s.jsonArray(t); n > 0 {
		b = append(b, '[')
		for i := 1; i <= n; i++ {
			if i > 1 {
				b = append(b, ',')
			}
			b = s.appendJSON(b, t.RawGetInt(i), depth)
		}
		return append(b, ']')
	}
	b = append(b, '{')
	first := true
	for k, v := t.Next(glua.LNil); k != glua.LNil; k, v = t.Next(k) {
		if !first {
			b = append(b, ',')
		}
		first = false
		switch k := k.(type) {
		case glua.LString:
			b = appendJSONString(b, string(k))
		case glua.LNumber:
			b = append(b, '"')
			b = s.appendJSONNumber(b, float64(k))
			b = append(b, '"')
		default:
			s.l.RaiseError("Cannot serialise %s: table key must be a number or string", k.Type().String())
		}
		b = append(b, ':')
		b = s.appendJSON(b, v, depth)
	}
	return append(b, '}')
}

// jsonArray is the length of a table that becomes an array, 0 of one that becomes
// an object.
func (s *State) jsonArray(t *glua.LTable) int {
	most, items := 0, 0
	for k, _ := t.Next(glua.LNil); k != glua.LNil; k, _ = t.Next(k) {
		s.spend(s.l, 1)
		n, ok := k.(glua.LNumber)
		if !ok || n < 1 || n != glua.LNumber(math.Floor(float64(n))) || n > math.MaxInt32 {
			return 0
		}
		most = max(most, int(n))
		items++
	}
	c := s.cjson
	if c.sparseRatio > 0 && most > items*c.sparseRatio && most > c.sparseSafe {
		if !c.sparseConvert {
			s.l.RaiseError("Cannot serialise table: excessively sparse array")
		}
		return 0
	}
	return most
}

func appendJSONString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\\', '/':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			if c < ' ' || c == 127 {
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			} else {
				b = append(b, c)
			}
		}
	}
	return append(b, '"')
}

// A jsonReader reads one JSON document.
type jsonReader struct {
	s     *State
	in    string
	at    int
	depth int
}

func (d *jsonReader) document() glua.LValue {
	if len(d.in) > 1 && d.in[0] == 0 || len(d.in) > 1 && d.in[1] == 0 {
		d.s.l.RaiseError("JSON parser does not support UTF-16 or UTF-32")
	}
	v := d.value()
	if d.space(); d.at < len(d.in) {
		d.expected("the end")
	}
	return v
}

func (d *jsonReader) space() {
	for d.at < len(d.in) && (d.in[d.at] == ' ' || d.in[d.at] == '\t' || d.in[d.at] == '\n' || d.in[d.at] == '\r') {
		d.at++
	}
}

// expected raises the error for a wrong token.
func (d *jsonReader) expected(what string) {
	found := "invalid token"
	if d.at >= len(d.in) {
		found = "T_END"
	} else {
		at := d.at
		switch d.in[at] {
		case '{':
			found = "T_OBJ_BEGIN"
		case '}':
			found = "T_OBJ_END"
		case '[':
			found = "T_ARR_BEGIN"
		case ']':
			found = "T_ARR_END"
		case ',':
			found = "T_COMMA"
		case ':':
			found = "T_COLON"
		case '"':
			d.text()
			found, d.at = "T_STRING", at
		default:
			if _, ok := d.number(); ok {
				found = "T_NUMBER"
			} else if _, ok := d.word(); ok {
				found = map[byte]string{'n': "T_NULL"}[d.in[at]]
				if found == "" {
					found = "T_BOOLEAN"
				}
			}
			d.at = at
		}
	}
	d.fail(what, found, d.at)
}

func (d *jsonReader) fail(what, found string, at int) {
	d.s.l.RaiseError("Expected %s but found %s at character %d", what, found, at+1)
}

func (d *jsonReader) value() glua.LValue {
	d.s.spend(d.s.l, 2)
	d.space()
	if d.at >= len(d.in) {
		d.expected("value")
	}
	switch c := d.in[d.at]; c {
	case '{':
		return d.object()
	case '[':
		return d.array()
	case '"':
		return glua.LString(d.text())
	}
	if v, ok := d.word(); ok {
		return v
	}
	if n, ok := d.number(); ok {
		return n
	}
	d.expected("value")
	return nil
}

func (d *jsonReader) word() (glua.LValue, bool) {
	for text, v := range map[string]glua.LValue{"true": glua.LTrue, "false": glua.LFalse, "null": d.s.null} {
		if len(d.in)-d.at >= len(text) && d.in[d.at:d.at+len(text)] == text {
			d.at += len(text)
			return v, true
		}
	}
	return nil, false
}

// number reads a number as C's strtod does.
func (d *jsonReader) number() (glua.LNumber, bool) {
	end := d.at
	for end < len(d.in) && (isDigit(int(d.in[end])) || isAlpha(int(d.in[end])) && d.in[end] != '_' || d.in[end] == '.' ||
		d.in[end] == '-' || d.in[end] == '+') {
		end++
	}
	if d.at < len(d.in) && d.in[d.at] == '.' {
		return 0, false
	}
	if !d.s.cjson.invalidDecode && invalidNumber(d.in[d.at:end]) {
		if c := int(d.in[d.at]); c == '+' || isAlpha(c) {
			return 0, false
		}
		d.fail("value", "invalid number", d.at)
	}
	for e := end; e > d.at; e-- {
		text := d.in[d.at:e]
		if digits := strings.TrimLeft(text, "+-"); len(digits) > 1 && digits[0] == '0' && digits[1]|0x20 == 'x' &&
			!strings.ContainsAny(digits, "pP") {
			text += "p0"
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil && math.IsInf(f, 0) {
			err = nil // too large: infinite
		}
		if err == nil {
			d.at = e
			return glua.LNumber(f), true
		}
		if e-d.at > 64 {
			e = d.at + 65
		}
	}
	return 0, false
}

// invalidNumber reports whether a text that C parses as a number is none in JSON.
func invalidNumber(text string) bool {
	if strings.HasPrefix(text, "+") {
		return true
	}
	text = strings.ToLower(strings.TrimPrefix(text, "-"))
	if len(text) > 1 && text[0] == '0' {
		return text[1] == 'x' || isDigit(int(text[1]))
	}
	return strings.HasPrefix(text, "inf") || strings.HasPrefix(text, "nan")
}

func (d *jsonReader) enter() {
	d.depth++
	if d.depth > d.s.cjson.decodeDepth {
		d.s.l.RaiseError("Found too many nested data structures (%d) at character %d", d.depth, d.at+1)
	}
	d.at++
}

func (d *jsonReader) object() glua.LValue {
	d.enter()
	t := d.s.l.NewTable()
	if d.space(); d.at < len(d.in) && d.in[d.at] == '}' {
		d.at++
		d.depth--
		return t
	}
	for {
		if d.space(); d.at >= len(d.in) || d.in[d.at] != '"' {
			d.expected("object key string")
		}
		key := d.text()
		if d.space(); d.at >= len(d.in) || d.in[d.at] != ':' {
			d.expected("colon")
		}
		d.at++
		t.RawSetString(key, d.value())
		d.space()
		switch {
		case d.at < len(d.in) && d.in[d.at] == '}':
			d.at++
			d.depth--
			return t
		case d.at >= len(d.in) || d.in[d.at] != ',':
			d.expected("comma or object end")
		}
		d.at++
	}
}

func (d *jsonReader) array() glua.LValue {
	d.enter()
	t := d.s.l.NewTable()
	if d.space(); d.at < len(d.in) && d.in[d.at] == ']' {
		d.at++
		d.depth--
		return t
	}
	for i := 1; ; i++ {
		t.RawSetInt(i, d.value())
		d.space()
		switch {
		case d.at < len(d.in) && d.in[d.at] == ']':
			d.at++
			d.depth--
			return t
		case d.at >= len(d.in) || d.in[d.at] != ',':
			d.expected("comma or array end")
		}
		d.at++
	}
}

// text reads a string.
func (d *jsonReader) text() string {
	d.at++
	from := d.at
	var b []byte
	for d.at < len(d.in) {
		c := d.in[d.at]
		switch {
		case c == '"':
			d.s.spend(d.s.l, (d.at-from)/16)
			if b == nil {
				d.at++
				return d.in[from : d.at-1]
			}
			d.at++
			return string(b)
		case c == '\\':
			if b == nil {
				b = append(make([]byte, 0, len(d.in[from:d.at])+16), d.in[from:d.at]...)
			}
			b = d.escape(b)
			continue
		}
		if b != nil {
			b = append(b, c)
		}
		d.at++
	}
	d.fail("value", "unexpected end of string", d.at)
	return ""
}

// escape reads the part of an escape after the backslash.
func (d *jsonReader) escape(b []byte) []byte {
	at := d.at
	if d.at++; d.at < len(d.in) {
		c := d.in[d.at]
		d.at++
		switch c {
		case '"', '\\', '/':
			return append(b, c)
		case 'b':
			return append(b, '\b')
		case 'f':
			return append(b, '\f')
		case 'n':
			return append(b, '\n')
		case 'r':
			return append(b, '\r')
		case 't':
			return append(b, '\t')
		case 'u':
			hi, ok := d.hex4()
			if ok && hi >= 0xD800 && hi < 0xDC00 && d.at+1 < len(d.in) && d.in[d.at] == '\\' && d.in[d.at+1] == 'u' {
				d.at += 2
				lo, ok := d.hex4()
				if ok && lo >= 0xDC00 && lo < 0xE000 {
					return utf8.AppendRune(b, (hi-0xD800)<<10+(lo-0xDC00)+0x10000)
				}
			} else if ok && (hi < 0xD800 || hi >= 0xE000) {
				return utf8.AppendRune(b, hi)
			}
			d.fail("value", "invalid unicode escape code", at)
		}
	}
	d.fail("value", "invalid escape code", at)
	return nil
}

func (d *jsonReader) hex4() (rune, bool) {
	if d.at+4 > len(d.in) {
		return 0, false
	}
	n, err := strconv.ParseUint(d.in[d.at:d.at+4], 16, 32)
	if err != nil {
		return 0, false
	}
	d.at += 4
	return rune(n), true
}
