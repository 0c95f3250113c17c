package lua

import (
	"fmt"

	glua "github.com/yuin/gopher-lua"

	"cached/internal/resp"
)

// A Library is functions that were loaded together.
type Library struct {
	Name, Code string
	Functions  []*Function // in the order of their registration
	// Declared reports the result of the analysis: all commands of all functions have only keys of the function's
	// first argument.
	Declared bool
}

// A Function can be called by name.
type Function struct {
	Name        string
	Description string
	HasDesc     bool
	Flags       Flags
	Library     *Library

	body *glua.LFunction
}

// Load runs the code of a library without its first line and returns the functions that it registers. taken
// reports names of functions of other libraries.
func (s *State) Load(name, code, body string, keysOf KeysOf, taken func(string) bool, host Host) (*Library, error) {
	chunk, err := parseText(body, "user_function", nil)
	if err == nil {
		clear := keysOf != nil && declaredLibrary(chunk.stmts, keysOf)
		var proto *glua.FunctionProto
		if proto, err = compileChunk(chunk, "user_function", scriptChunk); err == nil {
			lib := &Library{Name: name, Code: code, Declared: clear}
			s.begin(host)
			s.loading = lib
			s.showGlobals(s.whileLoading)
			err := s.call(nil, s.l.NewFunctionFromProto(proto), s.tostr)
			s.showGlobals(s.globals)
			s.loading = nil
			s.end()
			if err != nil {
				return nil, fmt.Errorf("ERR Error registering functions: %s", loadText(err))
			}
			if len(lib.Functions) == 0 {
				return nil, fmt.Errorf("ERR No functions registered")
			}
			for _, f := range lib.Functions {
				if taken(f.Name) {
					return nil, fmt.Errorf("ERR Function %s already exists", f.Name)
				}
			}
			return lib, nil
		}
	}
	return nil, fmt.Errorf("ERR Error compiling function: %w", err)
}

func loadText(err error) string {
	e, ok := err.(*Error)
	if !ok {
		return err.Error()
	}
	return e.Text
}

// showGlobals has code see a table as its globals.
func (s *State) showGlobals(t *glua.LTable) {
	s.l.G.Global.Metatable.(*glua.LTable).RawSetString("__index", t)
	s.protected[s.l.G.Global] = t
}

// Call calls a function of a library and replies with its result.
func (s *State) Call(f *Function, keys, args [][]byte, host Host, w *resp.Writer) error {
	s.begin(host)
	defer s.end()
	return s.call(w, f.body, s.list(nil, keys), s.list(nil, args))
}

func (s *State) registerFunction(l *glua.LState) int {
	lib := s.loading
	if lib == nil {
		return s.raise(l, "ERR redis.register_function can only be called on FUNCTION LOAD command")
	}
	f := &Function{Library: lib}
	switch n := l.GetTop(); {
	case n == 1:
		t, ok := l.Get(1).(*glua.LTable)
		if !ok {
			return s.raise(l, "ERR calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).")
		}
		if text := s.namedArguments(f, t); text != "" {
			return s.raise(l, text)
		}
	case n == 2:
		name, ok := textOf(l.Get(1))
		if !ok {
			return s.raise(l, "ERR first argument to redis.register_function must be a string")
		}
		body, ok := l.Get(2).(*glua.LFunction)
		if !ok {
			return s.raise(l, "ERR second argument to redis.register_function must be a function")
		}
		f.Name, f.body = name, body
	default:
		return s.raise(l, "ERR wrong number of arguments to redis.register_function")
	}
	if !ValidName(f.Name) {
		return s.raise(l, "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long")
	}
	for _, other := range lib.Functions {
		if other.Name == f.Name {
			return s.raise(l, "ERR Function already exists in the library")
		}
	}
	lib.Functions = append(lib.Functions, f)
	return 0
}

// namedArguments reads the table of register_function{...}; it returns the error, if any.
func (s *State) namedArguments(f *Function, t *glua.LTable) string {
	for k, v := t.Next(glua.LNil); k != glua.LNil; k, v = t.Next(k) {
		key, ok := textOf(k)
		if !ok {
			return "ERR named argument key given to redis.register_function is not a string"
		}
		switch key {
		case "function_name":
			name, ok := textOf(v)
			if !ok {
				return "ERR function_name argument given to redis.register_function must be a string"
			}
			f.Name = name
		case "description":
			text, ok := textOf(v)
			if !ok {
				return "ERR description argument given to redis.register_function must be a string"
			}
			f.Description, f.HasDesc = text, true
		case "callback":
			body, ok := v.(*glua.LFunction)
			if !ok {
				return "ERR callback argument given to redis.register_function must be a function"
			}
			f.body = body
		case "flags":
			list, ok := v.(*glua.LTable)
			if !ok {
				return "ERR flags argument to redis.register_function must be a table representing function flags"
			}
			for i := 1; list.RawGetInt(i) != glua.LNil; i++ {
				name, ok := list.RawGetInt(i).(glua.LString)
				if !ok || flagNamed(string(name)) == 0 {
					return "ERR unknown flag given"
				}
				f.Flags |= flagNamed(string(name))
			}
		default:
			return "ERR unknown argument given to redis.register_function"
		}
	}
	switch {
	case f.Name == "":
		return "ERR redis.register_function must get a function name argument"
	case f.body == nil:
		return "ERR redis.register_function must get a callback argument"
	}
	return ""
}

// ValidName reports whether a library or function may have the name.
func ValidName(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return name != ""
}
