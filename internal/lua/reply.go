package lua

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	glua "github.com/yuin/gopher-lua"

	"cached/internal/resp"
)

// value makes a Lua value of the first reply in b and returns the rest of b. The replies are the server's own and
// well formed. The value is incomplete if the script's time is over.
func (s *State) value(b []byte) (glua.LValue, []byte) {
	if s.over(2) {
		return glua.LNil, nil
	}
	end := bytes.IndexByte(b, '\n')
	line, rest := b[1:end-1], b[end+1:]
	switch b[0] {
	case '+':
		return s.field("ok", glua.LString(line)), rest
	case '-':
		t := s.field("err", glua.LString(line))
		t.RawSetString("ignore_error_stats_update", glua.LTrue)
		return t, rest
	case ':':
		n, _ := strconv.ParseInt(string(line), 10, 64)
		return glua.LNumber(n), rest
	case '$':
		n := number(line)
		if n < 0 {
			return glua.LFalse, rest
		}
		return glua.LString(rest[:n]), rest[n+2:]
	case '*', '>':
		n := number(line)
		if n < 0 {
			return glua.LFalse, rest
		}
		t := s.l.CreateTable(n, 0)
		for i := 1; i <= n && !s.clock.over(); i++ {
			var v glua.LValue
			v, rest = s.value(rest)
			t.RawSetInt(i, v)
		}
		return t, rest
	case '%':
		t := s.l.NewTable()
		for range number(line) {
			var k, v glua.LValue
			k, rest = s.value(rest)
			v, rest = s.value(rest)
			if s.clock.over() {
				break
			}
			t.RawSet(k, v)
		}
		return s.field("map", t), rest
	case '|': // attributes, of which scripts see nothing
		for range 2 * number(line) {
			_, rest = s.value(rest)
		}
		return s.value(rest)
	case '~':
		t := s.l.NewTable()
		for range number(line) {
			var k glua.LValue
			k, rest = s.value(rest)
			if s.clock.over() {
				break
			}
			t.RawSet(k, glua.LTrue)
		}
		return s.field("set", t), rest
	case '_':
		return glua.LNil, rest
	case '#':
		return glua.LBool(line[0] == 't'), rest
	case ',':
		f, _ := strconv.ParseFloat(string(line), 64)
		return s.field("double", glua.LNumber(f)), rest
	case '(':
		return s.field("big_number", glua.LString(line)), rest
	case '=':
		n := number(line)
		t := s.l.NewTable()
		t.RawSetString("format", glua.LString(rest[:3]))
		t.RawSetString("string", glua.LString(rest[4:n]))
		return s.field("verbatim_string", t), rest[n+2:]
	}
	return glua.LNil, rest
}

func number(line []byte) int {
	n, _ := strconv.Atoi(string(line))
	return n
}

func (s *State) field(name string, v glua.LValue) *glua.LTable {
	t := s.l.CreateTable(0, 2)
	t.RawSetString(name, v)
	return t
}

// replyDepth bounds how deep a reply nests, as the stack of C's Lua does.
const replyDepth = 2000

// reply writes the result of a script. The reply is incomplete if the script's time is over.
func (s *State) reply(w *resp.Writer, v glua.LValue, depth int) {
	if s.over(2) {
		return
	}
	if depth > replyDepth {
		w.Error("ERR reached lua stack limit")
		return
	}
	switch v := v.(type) {
	case glua.LString:
		s.over(len(v) / 32)
		w.BulkString(string(v))
	case glua.LNumber:
		w.Int(truncate(float64(v)))
	case glua.LBool:
		switch {
		case s.proto == 3:
			w.Bool(bool(v))
		case bool(v):
			w.Int(1)
		default:
			w.Null()
		}
	case *glua.LTable:
		s.replyTable(w, v, depth)
	default:
		w.Null()
	}
}

func (s *State) replyTable(w *resp.Writer, t *glua.LTable, depth int) {
	if real := s.protected[t]; real != nil {
		t = real
	}
	if e, ok := t.RawGetString("err").(glua.LString); ok {
		text := strings.TrimPrefix(string(e), "-")
		w.Error(text)
		if s.host != nil {
			s.host.Failed(text, glua.LVAsBool(t.RawGetString("ignore_error_stats_update")))
		}
		return
	}
	if ok, is := t.RawGetString("ok").(glua.LString); is {
		w.Status(oneLine(string(ok)))
		return
	}
	if d, ok := t.RawGetString("double").(glua.LNumber); ok {
		w.Double(float64(d))
		return
	}
	if m, ok := t.RawGetString("map").(*glua.LTable); ok {
		n := 0
		m.ForEach(func(glua.LValue, glua.LValue) { n++ })
		w.Map(n)
		m.ForEach(func(k, v glua.LValue) {
			s.reply(w, k, depth+1)
			s.reply(w, v, depth+1)
		})
		return
	}
	if m, ok := t.RawGetString("set").(*glua.LTable); ok {
		n := 0
		m.ForEach(func(glua.LValue, glua.LValue) { n++ })
		w.Set(n)
		m.ForEach(func(k, _ glua.LValue) { s.reply(w, k, depth+1) })
		return
	}
	if n, ok := t.RawGetString("big_number").(glua.LString); ok {
		w.BigNumber(oneLine(string(n)))
		return
	}
	if m, ok := t.RawGetString("verbatim_string").(*glua.LTable); ok {
		text, isText := m.RawGetString("string").(glua.LString)
		format, isFormat := m.RawGetString("format").(glua.LString)
		if isText && isFormat {
			f := (string(format) + "   ")[:3]
			w.Verbatim(f, string(text))
			return
		}
	}
	n := 0
	for t.RawGetInt(n+1) != glua.LNil {
		n++
	}
	w.Array(n)
	for i := 1; i <= n && !w.Full; i++ {
		s.reply(w, t.RawGetInt(i), depth+1)
	}
}

// truncate makes an integer of a number as C's conversion does on x86.
func truncate(f float64) int64 {
	if math.IsNaN(f) || f >= 1<<63 || f < -1<<63 {
		return math.MinInt64
	}
	return int64(f)
}

// unsigned is truncate to an unsigned integer, of which C's conversion makes two.
func unsigned(f float64) uint64 {
	if f >= 1<<63 {
		return uint64(truncate(f-1<<63)) ^ 1<<63
	}
	return uint64(truncate(f))
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' {
			return ' '
		}
		return r
	}, s)
}
