package lua

import (
	"math"
	"strconv"
	"strings"

	glua "github.com/yuin/gopher-lua"

	"cached/internal/resp"
)

// redisTable makes the table that scripts know as redis.
func (s *State) redisTable() *glua.LTable {
	t := s.l.NewTable()
	add := func(name string, f glua.LGFunction) { t.RawSetString(name, s.l.NewFunction(f)) }
	s.callFunc = s.l.NewFunction(func(l *glua.LState) int { return s.command(l, true) })
	s.pcallFunc = s.l.NewFunction(func(l *glua.LState) int { return s.command(l, false) })
	t.RawSetString("call", s.callFunc)
	t.RawSetString("pcall", s.pcallFunc)
	add("sha1hex", func(l *glua.LState) int {
		if l.GetTop() != 1 {
			return s.raise(l, "ERR wrong number of arguments")
		}
		text, _ := textOf(l.Get(1)) // of any other value, the hash of the empty text
		l.Push(glua.LString(SHA1([]byte(text))))
		return 1
	})
	add("error_reply", func(l *glua.LState) int { return s.single(l, "err") })
	add("status_reply", func(l *glua.LState) int { return s.single(l, "ok") })
	add("set_repl", s.setRepl)
	add("setresp", s.setResp)
	add("acl_check_cmd", s.aclCheck)
	if !s.opts.Functions {
		add("replicate_commands", func(l *glua.LState) int { l.Push(glua.LTrue); return 1 })
		add("breakpoint", func(l *glua.LState) int { l.Push(glua.LFalse); return 1 })
		add("debug", func(*glua.LState) int { return 0 })
	}
	for name, n := range map[string]int{"REPL_NONE": 0, "REPL_AOF": 1, "REPL_SLAVE": 2, "REPL_REPLICA": 2, "REPL_ALL": 3} {
		t.RawSetString(name, glua.LNumber(n))
	}
	s.addLog(t)
	return t
}

// addLog adds the part of the redis table that a library also has while it is loaded.
func (s *State) addLog(t *glua.LTable) {
	s.set(t, "log", s.log)
	for name, n := range map[string]int{"LOG_DEBUG": 0, "LOG_VERBOSE": 1, "LOG_NOTICE": 2, "LOG_WARNING": 3,
		"REDIS_VERSION_NUM": s.opts.Version.Num} {
		t.RawSetString(name, glua.LNumber(n))
	}
	t.RawSetString("REDIS_VERSION", glua.LString(s.opts.Version.Text))
}

// loadTable makes the globals that the code of a library sees while it is loaded: a redis table that registers
// functions and writes to the log, and nothing else.
func (s *State) loadTable() *glua.LTable {
	t := s.l.NewTable()
	s.addLog(t)
	s.set(t, "register_function", s.registerFunction)
	t.Metatable = s.missing()
	globals := s.l.NewTable()
	globals.RawSetString("redis", s.protect(t, t))
	globals.Metatable = s.missing()
	return globals
}

// raise stops the script, or its pcall, with an error table.
func (s *State) raise(l *glua.LState, text string) int {
	t := s.field("err", glua.LString(text))
	t.RawSetString("ignore_error_stats_update", glua.LFalse)
	l.Error(t, 1)
	return 0
}

// fail is raise, or an error table as the result.
func (s *State) fail(l *glua.LState, text string, raise bool) int {
	if raise {
		return s.raise(l, text)
	}
	l.Push(s.field("err", glua.LString(text)))
	return 1
}

const errNoWords = "ERR Please specify at least one argument for this redis lib call"

// command is redis.call and redis.pcall.
func (s *State) command(l *glua.LState, raise bool) int {
	n := l.GetTop()
	if s.host == nil {
		return s.raise(l, "ERR redis.call/pcall can only be called inside a script invocation")
	}
	if n == 0 {
		return s.fail(l, errNoWords, raise)
	}
	argv, ok := s.words(l, n)
	if !ok {
		return s.fail(l, "ERR Lua redis lib command arguments must be strings or integers", raise)
	}
	out := s.host.Call(argv, s.proto)
	if out == nil {
		s.clock.tick()
		s.spend(l, 0)
	}
	v, _ := s.value(out)
	s.spend(l, 0)
	if raise && len(out) > 0 && out[0] == '-' {
		l.Error(v, 1)
		return 0
	}
	l.Push(v)
	return 1
}

// words are the arguments of a call as words of a command, good until the next.
func (s *State) words(l *glua.LState, n int) ([][]byte, bool) {
	argv, buf, ends := s.argv[:0], s.buf[:0], s.ends[:0]
	for i := 1; i <= n; i++ {
		switch v := l.Get(i).(type) {
		case glua.LString:
			buf = append(buf, v...)
		case glua.LNumber:
			buf = appendArgument(buf, float64(v))
		default:
			return nil, false
		}
		ends = append(ends, len(buf))
	}
	from := 0
	for _, end := range ends {
		argv = append(argv, buf[from:end:end])
		from = end
	}
	s.argv, s.buf, s.ends = argv, buf, ends
	if cap(buf) > 64<<10 {
		s.buf = nil
	}
	return argv, true
}

// appendArgument appends a number as a word of a command: an integer of up to 62 bits in full, infinities and NaN
// as C does, other numbers with the fewest digits.
func appendArgument(b []byte, n float64) []byte {
	switch {
	case n >= -1<<62 && n <= 1<<62 && n == math.Trunc(n):
		return strconv.AppendInt(b, int64(n), 10)
	case n-n != 0:
		return appendNumber(b, n)
	}
	return resp.AppendShortest(b, n)
}

func (s *State) log(l *glua.LState) int {
	n := l.GetTop()
	if n < 2 {
		return s.raise(l, "ERR redis.log() requires two arguments or more.")
	}
	level, ok := l.Get(1).(glua.LNumber)
	if !ok {
		return s.raise(l, "ERR First argument must be a number (log level).")
	}
	if level < 0 || level > 3 {
		return s.raise(l, "ERR Invalid debug level.")
	}
	var b strings.Builder
	for i := 2; i <= n; i++ {
		switch v := l.Get(i).(type) {
		case glua.LString, glua.LNumber:
			if i > 2 {
				b.WriteByte(' ')
			}
			b.WriteString(s.text(v))
		}
	}
	if s.host != nil {
		s.host.Log(int(level), b.String())
	}
	return 0
}

// single is redis.error_reply and redis.status_reply.
func (s *State) single(l *glua.LState, field string) int {
	v, ok := l.Get(1).(glua.LString)
	if l.GetTop() != 1 || !ok {
		l.Push(s.field("err", glua.LString("ERR wrong number or type of arguments")))
		return 1
	}
	text := string(v)
	if field == "err" {
		text = errorText(text)
	}
	l.Push(s.field(field, glua.LString(text)))
	return 1
}

// errorText ensures that an error has a code: the text before the first space, or ERR.
func errorText(text string) string {
	text = strings.TrimPrefix(text, "-")
	text = strings.Trim(text, "\r\n")
	if !strings.Contains(text, " ") {
		return "ERR " + text
	}
	return text
}

func (s *State) setRepl(l *glua.LState) int {
	if l.GetTop() != 1 {
		return s.raise(l, "ERR redis.set_repl() requires two arguments.")
	}
	n, _ := l.Get(1).(glua.LNumber)
	if int(n)&^3 != 0 {
		return s.raise(l, "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.")
	}
	return 0
}

func (s *State) setResp(l *glua.LState) int {
	if l.GetTop() != 1 {
		return s.raise(l, "ERR redis.setresp() requires one argument.")
	}
	n, _ := numberOf(l.Get(1))
	if n = glua.LNumber(int(n)); n != 2 && n != 3 {
		return s.raise(l, "ERR RESP version must be 2 or 3.")
	}
	s.proto = int(n)
	return 0
}

func (s *State) aclCheck(l *glua.LState) int {
	n := l.GetTop()
	if n == 0 {
		return s.raise(l, errNoWords)
	}
	argv, ok := s.words(l, n)
	if !ok {
		return s.raise(l, "ERR Lua redis lib command arguments must be strings or integers")
	}
	if s.host == nil {
		l.Push(glua.LTrue)
		return 1
	}
	allowed, known := s.host.Allowed(argv)
	if !known {
		return s.raise(l, "ERR Invalid command passed to redis.acl_check_cmd()")
	}
	l.Push(glua.LBool(allowed))
	return 1
}

// textOf is a string or a number as a string.
func textOf(v glua.LValue) (string, bool) {
	switch v := v.(type) {
	case glua.LString:
		return string(v), true
	case glua.LNumber:
		return numberText(v), true
	}
	return "", false
}

// argText is an argument that is a string or a number, as a string.
func (s *State) argText(l *glua.LState, i int) string {
	text, ok := textOf(l.Get(i))
	if !ok {
		l.TypeError(i, glua.LTString)
	}
	return text
}
