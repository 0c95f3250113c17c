package lua

import (
	glua "github.com/yuin/gopher-lua"
)

// A catch is a pcall or xpcall that runs.
type catch struct {
	base    int         // first register of the called function
	handler glua.LValue // of xpcall, or nil
	done    bool        // the handler has returned
}

// newHandler makes the error handler of pcall and xpcall. It runs where the error
// happened: it words the error and gives closures the variables of the functions that
// end.
func (s *State) newHandler() *glua.LFunction {
	return s.l.NewFunction(func(l *glua.LState) int {
		handled(l, true)
		c := &s.catching[len(s.catching)-1]
		v := s.described(l, l.Get(1), 1)
		if c.handler != nil {
			l.Push(c.handler)
			l.Push(v)
			l.Call(1, 1)
			v = l.Get(-1)
		}
		c.done = true
		closeUpvalues(l, c.base)
		l.Push(v)
		return 1
	})
}

// catch calls the function on the stack, with n arguments. It returns the error, if any.
func (s *State) catch(l *glua.LState, n int, handler glua.LValue) (failure glua.LValue, ok bool) {
	depth := len(s.catching)
	s.catching = append(s.catching, catch{base: frameBase(l), handler: handler})
	before := handled(l, true)
	err := l.PCall(n, glua.MultRet, s.caught)
	handled(l, before)
	done := s.catching[depth].done
	s.catching = s.catching[:depth]
	if err == nil {
		return nil, true
	}
	if !done && handler != nil && !s.clock.over() {
		return glua.LString("error in error handling"), false
	}
	var v glua.LValue = glua.LString(err.Error())
	if e, ok := err.(*glua.ApiError); ok {
		v = e.Object
	}
	if text, ok := v.(glua.LString); ok {
		v = glua.LString(plainText(string(text)))
	}
	return v, false
}

func callable(l *glua.LState, v glua.LValue) bool {
	return v.Type() == glua.LTFunction || l.GetMetaField(v, "__call").Type() == glua.LTFunction
}

func notCallable(v glua.LValue) glua.LValue {
	return glua.LString("attempt to call a " + v.Type().String() + " value")
}

// pcall is Lua's pcall. Of the error of a command only the text remains, as in Redis.
func (s *State) pcall(l *glua.LState) int {
	f := l.Get(1)
	if l.GetTop() == 0 {
		f = glua.LTrue // as in Redis, whose pcall calls another
	}
	if !callable(l, f) {
		l.Push(glua.LFalse)
		l.Push(notCallable(f))
		return 2
	}
	failure, ok := s.catch(l, l.GetTop()-1, nil)
	if ok {
		l.Insert(glua.LTrue, 1)
		return l.GetTop()
	}
	if t, ok := failure.(*glua.LTable); ok {
		if text, ok := t.RawGetString("err").(glua.LString); ok {
			failure = text
		}
	}
	l.Push(glua.LFalse)
	l.Push(failure)
	return 2
}

// xpcall is xpcall.
func (s *State) xpcall(l *glua.LState) int {
	l.CheckAny(2)
	f, handler := l.Get(1), l.Get(2)
	l.SetTop(0)
	if !callable(l, f) {
		l.Push(glua.LFalse)
		l.Push(handler)
		l.Push(notCallable(f))
		l.Call(1, 1)
		return 2
	}
	l.Push(f)
	failure, ok := s.catch(l, 0, handler)
	if ok {
		l.Insert(glua.LTrue, 1)
		return l.GetTop()
	}
	l.Push(glua.LFalse)
	l.Push(failure)
	return 2
}

// maxResumed bounds how deep coroutines resume each other, as the stack of C's Lua does.
const maxResumed = 190

// inCoroutine is the function of each coroutine: it has errors worded where they
// happen, for nothing catches them there.
const inCoroutine = "local arm, f = ... return function(...) arm() return f(...) end"

// written makes a function of a program of this package.
func (s *State) written(source string) *glua.LFunction {
	tree, err := parseChunk(source, "=written", nil)
	if err != nil {
		panic("lua: " + err.Error())
	}
	proto, err := glua.Compile(tree.stmts, "=written")
	if err != nil {
		panic("lua: " + err.Error())
	}
	return s.l.NewFunctionFromProto(proto)
}

// overrideCoroutine gives each coroutine the State's clock, so that it stops with the script.
func (s *State) overrideCoroutine(t *glua.LTable) {
	around := s.written(inCoroutine)
	arm := s.l.NewFunction(func(l *glua.LState) int {
		l.Panic = func(l *glua.LState) {
			panic(&glua.ApiError{Type: glua.ApiErrorRun, Object: s.described(l, l.Get(-1), 0)})
		}
		return 0
	})
	body := func(l *glua.LState) {
		f, ok := l.Get(1).(*glua.LFunction)
		if !ok || f.IsG {
			l.ArgError(1, "Lua function expected")
		}
		l.SetTop(0)
		l.Push(around)
		l.Push(arm)
		l.Push(f)
		l.Call(2, 1)
	}
	create := t.RawGetString("create").(*glua.LFunction).GFunction
	s.set(t, "create", func(l *glua.LState) int {
		body(l)
		n := create(l)
		l.Get(-1).(*glua.LState).SetContext(&s.clock)
		return n
	})
	coResume := t.RawGetString("resume").(*glua.LFunction).GFunction
	resume := func(l *glua.LState) int {
		if s.resumed >= maxResumed {
			l.Push(glua.LFalse)
			l.Push(glua.LString("C stack overflow"))
			return 2
		}
		s.resumed++
		n := coResume(l)
		s.resumed--
		switch l.Get(-1) {
		case glua.LString("can not resume a dead thread"):
			l.Pop(1)
			l.Push(glua.LString("cannot resume dead coroutine"))
		case glua.LString("can not resume a running thread"):
			l.Pop(1)
			l.Push(glua.LString("cannot resume running coroutine"))
		}
		return n
	}
	s.set(t, "resume", resume)
	s.set(t, "wrap", func(l *glua.LState) int {
		body(l)
		create(l)
		th := l.Get(-1).(*glua.LState)
		th.SetContext(&s.clock)
		l.Push(l.NewFunction(func(l *glua.LState) int {
			l.Insert(th, 1)
			n := resume(l)
			if l.Get(-n) == glua.LTrue {
				return n - 1
			}
			v := l.Get(-1)
			if text, ok := v.(glua.LString); ok {
				v = glua.LString(position(l, 1)) + text
			}
			l.Error(v, 0)
			return 0
		}))
		return 1
	})
	yield := t.RawGetString("yield").(*glua.LFunction).GFunction
	s.set(t, "yield", func(l *glua.LState) int {
		if l.G.MainThread == l || insideLibrary(l) {
			l.Error(glua.LString("attempt to yield across metamethod/C-call boundary"), 0)
		}
		return yield(l)
	})
}

// insideLibrary reports whether the caller of yield was called by a function of the libraries, which cannot be
// suspended: by pcall, or by table.sort.
func insideLibrary(l *glua.LState) bool {
	for level := 1; level < 50; level++ {
		d, ok := l.GetStack(level)
		if !ok {
			break
		}
		if _, err := l.GetInfo("S", d, glua.LNil); err == nil && d.What == "G" {
			return true
		}
	}
	return false
}
