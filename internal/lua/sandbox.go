package lua

import (
	"math"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	glua "github.com/yuin/gopher-lua"
)

const readonlyText = "Attempt to modify a readonly table"

// openLibraries fills the globals and closes them.
func (s *State) openLibraries() {
	l := s.l
	for _, lib := range []struct {
		name string
		open glua.LGFunction
	}{{"", glua.OpenBase}, {glua.TabLibName, glua.OpenTable}, {glua.StringLibName, glua.OpenString},
		{glua.MathLibName, glua.OpenMath}, {glua.CoroutineLibName, glua.OpenCoroutine}} {
		l.Push(l.NewFunction(lib.open))
		l.Push(glua.LString(lib.name))
		l.Call(1, 0)
	}
	g := l.G.Global
	s.globals = l.NewTable()
	for _, name := range strings.Fields("assert collectgarbage error ipairs loadstring load next pairs " +
		"pcall rawequal rawget rawset select getmetatable setmetatable tonumber tostring type unpack xpcall " +
		"table string math coroutine") {
		if v := g.RawGetString(name); v != glua.LNil {
			s.globals.RawSetString(name, v)
		}
	}
	s.globals.RawSetString("_VERSION", glua.LString("Lua 5.1"))
	s.null = l.NewUserData()
	s.globals.RawSetString("redis", s.redisTable())
	s.globals.RawSetString("cjson", s.cjsonTable(&s.options))
	s.globals.RawSetString("cmsgpack", s.cmsgpackTable())
	s.globals.RawSetString("bit", s.bitTable())
	s.globals.RawSetString("struct", s.structTable())
	s.globals.RawSetString("os", s.osTable())
	s.overrideBase()
	s.overrideTable(s.globals.RawGetString("table").(*glua.LTable))
	s.overrideString(s.globals.RawGetString("string").(*glua.LTable))
	s.overrideMath(s.globals.RawGetString("math").(*glua.LTable))
	s.overrideCoroutine(s.globals.RawGetString("coroutine").(*glua.LTable))

	// Scripts see substitutes of the real tables, which cannot be changed.
	s.globals.ForEach(func(k, v glua.LValue) {
		if t, ok := v.(*glua.LTable); ok {
			s.globals.RawSet(k, s.protect(t, t))
		}
	})
	s.globals.Metatable = s.missing()
	s.protectInto(g, s.globals, s.globals)
	s.globals.RawSetString("_G", g)
	if s.opts.Functions {
		s.whileLoading = s.loadTable()
	}
	if m, ok := l.GetMetatable(glua.LString("")).(*glua.LTable); ok {
		m.RawSetString("__index", s.globals.RawGetString("string"))
		s.overrideArithmetic(m)
		s.strings = s.protect(m, m)
	}
}

// osTable is all that scripts have of the os library.
func (s *State) osTable() *glua.LTable {
	t := s.l.NewTable()
	s.set(t, "clock", func(l *glua.LState) int {
		var used time.Duration
		if s.opts.CPUTime != nil {
			used = s.opts.CPUTime()
		}
		l.Push(glua.LNumber(used.Seconds()))
		return 1
	})
	return t
}

// missing makes the metatable of a table in which only existing fields may be read.
func (s *State) missing() *glua.LTable {
	meta := s.l.NewTable()
	s.set(meta, "__index", func(l *glua.LState) int {
		l.RaiseError("Script attempted to access nonexistent global variable '%s'", s.text(l.Get(2)))
		return 0
	})
	return meta
}

// protect returns a table that shows real and takes no changes.
func (s *State) protect(real *glua.LTable, index glua.LValue) *glua.LTable {
	t := s.l.NewTable()
	s.protectInto(t, real, index)
	return t
}

func (s *State) protectInto(t, real *glua.LTable, index glua.LValue) {
	var keys []glua.LValue
	t.ForEach(func(k, _ glua.LValue) { keys = append(keys, k) })
	for _, k := range keys {
		t.RawSet(k, glua.LNil)
	}
	meta := s.l.NewTable()
	meta.RawSetString("__index", index)
	meta.RawSetString("__newindex", s.l.NewFunction(func(l *glua.LState) int {
		l.RaiseError(readonlyText)
		return 0
	}))
	t.Metatable = meta
	s.protected[t] = real
}

// behind is the real table of the substitute t.
func (s *State) behind(t *glua.LTable) *glua.LTable {
	if real := s.protected[t]; real != nil {
		return real
	}
	return t
}

func (s *State) set(t *glua.LTable, name string, f glua.LGFunction) {
	t.RawSetString(name, s.l.NewFunction(f))
}

// guard has a function refuse protected tables as its first argument.
func (s *State) guard(t *glua.LTable, name string) {
	old := t.RawGetString(name).(*glua.LFunction).GFunction
	s.set(t, name, func(l *glua.LState) int {
		if tb, ok := l.Get(1).(*glua.LTable); ok && s.protected[tb] != nil {
			l.Error(glua.LString(readonlyText), 0)
		}
		return old(l)
	})
}

func (s *State) overrideBase() {
	g := s.globals
	s.guard(g, "rawset")
	s.guard(g, "setmetatable")
	s.set(g, "rawget", func(l *glua.LState) int {
		l.Push(s.behind(l.CheckTable(1)).RawGet(l.CheckAny(2)))
		return 1
	})
	getmeta := g.RawGetString("getmetatable").(*glua.LFunction).GFunction
	s.set(g, "getmetatable", func(l *glua.LState) int {
		switch v := l.CheckAny(1).(type) {
		case *glua.LTable:
			if s.protected[v] != nil {
				// Its own is not for scripts to change.
				l.Push(s.strings)
				return 1
			}
		case glua.LString:
			l.Push(s.strings)
			return 1
		}
		return getmeta(l)
	})
	next := func(l *glua.LState) int {
		k, v := s.behind(l.CheckTable(1)).Next(l.Get(2))
		if k == glua.LNil {
			l.Push(glua.LNil)
			return 1
		}
		l.Push(k)
		l.Push(v)
		return 2
	}
	s.set(g, "next", next)
	nextFunc := g.RawGetString("next")
	s.set(g, "pairs", func(l *glua.LState) int {
		t := l.CheckTable(1)
		l.Push(nextFunc)
		l.Push(t)
		l.Push(glua.LNil)
		return 3
	})
	tostring := g.RawGetString("tostring").(*glua.LFunction).GFunction
	s.set(g, "tostring", func(l *glua.LState) int {
		v := l.CheckAny(1)
		if n, ok := v.(glua.LNumber); ok {
			l.Push(glua.LString(numberText(n)))
			return 1
		}
		if v == s.null {
			l.Push(glua.LString(s.text(v)))
			return 1
		}
		return tostring(l)
	})
	s.set(g, "error", func(l *glua.LState) int {
		v := l.Get(1)
		if n, ok := v.(glua.LNumber); ok {
			v = glua.LString(numberText(n))
		}
		if text, ok := v.(glua.LString); ok {
			if level := l.OptInt(2, 1); level > 0 {
				v = glua.LString(position(l, level)) + text
			}
		}
		l.Error(v, 0)
		return 0
	})
	s.set(g, "pcall", s.pcall)
	s.set(g, "xpcall", s.xpcall)
	unpack := g.RawGetString("unpack").(*glua.LFunction).GFunction
	s.set(g, "unpack", func(l *glua.LState) int {
		to := l.CheckTable(1).Len()
		from := l.OptInt(2, 1)
		if l.Get(3) != glua.LNil {
			to = l.CheckInt(3)
		}
		if to-from >= maxResults {
			l.RaiseError("too many results to unpack")
		}
		return unpack(l)
	})
	s.set(g, "loadstring", func(l *glua.LState) int {
		return s.load(l, s.argText(l, 1), l.OptString(2, ""))
	})
	s.set(g, "load", func(l *glua.LState) int {
		f := l.CheckFunction(1)
		var b strings.Builder
		for {
			l.Push(f)
			l.Call(0, 1)
			v := l.Get(-1)
			l.Pop(1)
			piece, ok := v.(glua.LString)
			if !ok || piece == "" {
				break
			}
			if b.Len()+len(piece) > maxString {
				l.RaiseError("not enough memory")
			}
			b.WriteString(string(piece))
		}
		return s.load(l, b.String(), l.OptString(2, "=(load)"))
	})
	s.set(g, "tonumber", tonumber)
	s.takesNumbers(g, 2, 3, "unpack")
	s.takesNumbers(g, 2, 2, "error")
	s.set(g, "gcinfo", func(l *glua.LState) int {
		l.Push(glua.LNumber(math.Floor(heapKB())))
		return 1
	})
	s.set(g, "collectgarbage", collectgarbage)
	s.set(g, "assert", func(l *glua.LState) int {
		if l.GetTop() == 0 {
			l.ArgError(1, "value expected")
		}
		if !l.ToBool(1) {
			text := "assertion failed!"
			if l.Get(2) != glua.LNil {
				text = s.argText(l, 2)
			}
			l.RaiseError("%s", text)
		}
		return l.GetTop()
	})
	sel := g.RawGetString("select").(*glua.LFunction).GFunction
	s.set(g, "select", func(l *glua.LState) int {
		if l.Get(1) != glua.LString("#") {
			l.Replace(1, glua.LNumber(argNumber(l, 1)))
		}
		return sel(l)
	})
	setmeta := g.RawGetString("setmetatable").(*glua.LFunction).GFunction
	s.set(g, "setmetatable", func(l *glua.LState) int {
		l.CheckTable(1)
		if t := l.Get(2).Type(); l.GetTop() < 2 || t != glua.LTNil && t != glua.LTTable {
			l.ArgError(2, "nil or table expected")
		}
		return setmeta(l)
	})
}

// heapKB is the memory of the Go runtime, in which that of scripts is, in kilobytes.
func heapKB() float64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return float64(sample[0].Value.Uint64()) / 1024
}

// collectgarbage is Lua's collectgarbage. Only count has a result: the Go runtime collects the garbage of scripts.
func collectgarbage(l *glua.LState) int {
	n := 0.0
	switch option := l.OptString(1, "collect"); option {
	case "count":
		n = heapKB()
	case "collect", "stop", "restart", "step", "setpause", "setstepmul":
	default:
		l.ArgError(1, "invalid option '"+option+"'")
	}
	l.Push(glua.LNumber(n))
	return 1
}

// maxResults is how many values a function of the libraries returns.
const maxResults = 8000

// position is where the function at a level of the stack is, in front of an
// error; empty if it is not Lua.
func position(l *glua.LState, level int) string {
	d, ok := l.GetStack(level)
	if !ok {
		return ""
	}
	if _, err := l.GetInfo("Sl", d, glua.LNil); err != nil || d.CurrentLine <= 0 {
		return ""
	}
	return d.Source + ":" + strconv.Itoa(lineOf(d.CurrentLine)) + ": "
}

// load compiles text for a script.
func (s *State) load(l *glua.LState, text, name string) int {
	raw := name
	if raw == "" {
		raw = text
	}
	switch {
	case name == "":
		line, _, more := strings.Cut(text, "\n")
		if more || len(line) > 60 {
			line = line[:min(len(line), 57)] + "..."
		}
		name = `[string "` + line + `"]`
	case name[0] == '=' || name[0] == '@':
		name = name[1:]
	default:
		name = `[string "` + name + `"]`
	}
	if s.sources == nil {
		s.sources = make(map[string]string)
	}
	s.sources[name] = raw
	chunk, err := parseText(text, name, func(n int) { s.spend(l, n) })
	if err == nil {
		proto, cerr := compileChunk(chunk, name, loadedChunk)
		if cerr == nil {
			l.Push(s.loaded)
			l.Push(l.NewFunctionFromProto(proto))
			l.Push(s.tostr)
			l.Push(s.rest)
			l.Call(3, 1)
			return 1
		}
		err = cerr
	}
	l.Push(glua.LNil)
	l.Push(glua.LString(err.Error()))
	return 2
}

func (s *State) overrideMath(t *glua.LTable) {
	s.set(t, "random", func(l *glua.LState) int {
		r := float64(s.random.next()%math.MaxInt32) / math.MaxInt32
		switch l.GetTop() {
		case 0:
			l.Push(glua.LNumber(r))
		case 1:
			u := l.CheckNumber(1)
			if u = glua.LNumber(math.Trunc(float64(u))); u < 1 {
				l.ArgError(1, "interval is empty")
			}
			l.Push(glua.LNumber(math.Floor(r*float64(u)) + 1))
		case 2:
			lo, hi := math.Trunc(float64(l.CheckNumber(1))), math.Trunc(float64(l.CheckNumber(2)))
			if lo > hi {
				l.ArgError(2, "interval is empty")
			}
			l.Push(glua.LNumber(math.Floor(r*(hi-lo+1)) + lo))
		default:
			l.RaiseError("wrong number of arguments")
		}
		return 1
	})
	s.set(t, "randomseed", func(l *glua.LState) int {
		s.random.seed(int32(int64(l.CheckNumber(1))))
		return 0
	})
	for _, name := range []string{"max", "min"} {
		f := t.RawGetString(name).(*glua.LFunction).GFunction
		s.set(t, name, func(l *glua.LState) int {
			l.CheckNumber(1)
			return f(l)
		})
	}
	t.RawSetString("huge", glua.LNumber(math.Inf(1))) // the interpreter's is a large number
	t.ForEach(func(name, v glua.LValue) {
		if f, ok := v.(*glua.LFunction); ok && f.IsG {
			s.takesNumbers(t, 1, maxResults, name.String())
		}
	})
}

// An lrand48 is the generator behind math.random: the same numbers for the same
// seed as everywhere, so that a script does the same each time.
type lrand48 struct{ x uint64 }

func (r *lrand48) seed(n int32) { r.x = uint64(uint32(n))<<16 | 0x330E }

func (r *lrand48) next() int64 {
	r.x = (r.x*0x5DEECE66D + 0xB) & (1<<48 - 1)
	return int64(r.x >> 17)
}
