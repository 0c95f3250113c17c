package server

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"cached/commands"
	"cached/engine"
	"cached/internal/glob"
	"cached/internal/lua"
	"cached/internal/resp"
)

const (
	errNoFunction      = commands.Error("ERR Function not found")
	errNoLibrary       = commands.Error("ERR Library not found")
	errMissingMeta     = commands.Error("ERR Missing library metadata")
	errInvalidMeta     = commands.Error("ERR Invalid library metadata")
	errNoLibraryName   = commands.Error("ERR Library name was not given")
	errLibraryName     = commands.Error("ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long")
	errFunctionsFull   = commands.Error("ERR the libraries take too much memory")
	errWriteFunctionRO = commands.Error("ERR Can not execute a script with write flag using *_ro command.")
)

// maxLibraryBytes bounds the code of all libraries together.
const maxLibraryBytes = 256 << 20

// functions are the loaded libraries. They share one interpreter, so that the variables of a library are shared by
// all calls. A call holds mu as long as it runs, so that another caller must be prepared to give up. Shards are
// locked before mu; a change of the libraries holds all of these locks.
type functions struct {
	mu     sync.Mutex // guards state; held by changes of the libraries
	state  *lua.State
	keysOf lua.KeysOf

	look      sync.RWMutex // guards the following; held for short times
	libraries map[string]*lua.Library
	byName    map[string]*lua.Function // by their names in lower case
	bytes     int                      // of code
	version   int                      // grows with each change
}

// find returns the function of a name in any case, or nil, and the version of the
// libraries in which it was found.
func (f *functions) find(name []byte) (fn *lua.Function, version int) {
	f.look.RLock()
	defer f.look.RUnlock()
	fn = f.byName[string(name)]
	if fn == nil {
		fn = f.byName[fold(name)]
	}
	return fn, f.version
}

// library returns the library of a name, or nil.
func (f *functions) library(name string) *lua.Library {
	f.look.RLock()
	defer f.look.RUnlock()
	return f.libraries[name]
}

// changes is the version of the libraries.
func (f *functions) changes() int {
	f.look.RLock()
	defer f.look.RUnlock()
	return f.version
}

// count is how many libraries and functions there are and how long their code is.
func (f *functions) count() (libraries, functions, bytes int) {
	f.look.RLock()
	defer f.look.RUnlock()
	return len(f.libraries), len(f.byName), f.bytes
}

// sorted returns the libraries by name.
func (f *functions) sorted() []*lua.Library {
	f.look.RLock()
	libs := slices.Collect(maps.Values(f.libraries))
	f.look.RUnlock()
	slices.SortFunc(libs, func(a, b *lua.Library) int { return strings.Compare(a.Name, b.Name) })
	return libs
}

func newFunctions(keysOf lua.KeysOf) *functions {
	f := &functions{keysOf: keysOf}
	f.resetLocked()
	return f
}

// resetLocked forgets all libraries.
func (f *functions) resetLocked() {
	if f.state != nil {
		f.state.Close()
	}
	o := luaOptions
	o.Functions = true
	f.state = lua.NewState(o)
	f.look.Lock()
	defer f.look.Unlock()
	f.libraries, f.byName, f.bytes = make(map[string]*lua.Library), make(map[string]*lua.Function), 0
	f.version++
}

// lockFunctions locks the functions, or returns the error for clients while a function runs.
func (x *Scripts) lockFunctions() error {
	if !x.keys.Patiently(x.functions.mu.TryLock) {
		return x.busyError()
	}
	return nil
}

// loadLocked adds a library. host is asked whether its code runs too long.
func (f *functions) loadLocked(code string, replace bool, host lua.Host) (*lua.Library, error) {
	name, body, err := libraryHead(code)
	if err != nil {
		return nil, err
	}
	old := f.library(name)
	if old != nil && !replace {
		return nil, commands.Error("ERR Library '" + name + "' already exists")
	}
	if _, _, bytes := f.count(); bytes+len(code) > maxLibraryBytes {
		return nil, errFunctionsFull
	}
	taken := func(name string) bool {
		fn, _ := f.find([]byte(name))
		return fn != nil && fn.Library != old
	}
	lib, err := f.state.Load(name, code, body, f.keysOf, taken, host)
	if err != nil {
		return nil, commands.Error(err.Error())
	}
	f.look.Lock()
	defer f.look.Unlock()
	if old != nil {
		f.drop(old)
	}
	f.libraries[name] = lib
	for _, fn := range lib.Functions {
		f.byName[strings.ToLower(fn.Name)] = fn
	}
	f.bytes += len(code)
	f.version++
	return lib, nil
}

func (f *functions) dropLocked(lib *lua.Library) {
	f.look.Lock()
	defer f.look.Unlock()
	f.drop(lib)
}

func (f *functions) drop(lib *lua.Library) {
	delete(f.libraries, lib.Name)
	for _, fn := range lib.Functions {
		delete(f.byName, strings.ToLower(fn.Name))
	}
	f.bytes -= len(lib.Code)
	f.version++
}

// libraryHead reads the first line of a library.
func libraryHead(code string) (name, body string, err error) {
	if !strings.HasPrefix(code, "#!") {
		return "", "", errMissingMeta
	}
	line, rest, ok := lua.FirstLine(code)
	if !ok {
		return "", "", errInvalidMeta
	}
	words, ok := resp.SplitArgs([]byte(line), nil)
	if !ok || len(words) == 0 {
		return "", "", errInvalidMeta
	}
	engine, named := string(words[0][2:]), false
	for _, w := range words[1:] {
		if len(w) < len("name=") || !strings.EqualFold(string(w[:len("name=")]), "name=") {
			return "", "", commands.Error("ERR Invalid metadata value given: " + string(w))
		}
		v := string(w[len("name="):])
		if named {
			return "", "", commands.Error("ERR Invalid metadata value, name argument was given multiple times")
		}
		name, named = v, true
	}
	switch {
	case !named:
		return "", "", errNoLibraryName
	case !lua.ValidName(name):
		return "", "", errLibraryName
	case !strings.EqualFold(engine, "lua"):
		return "", "", commands.Error("ERR Engine '" + engine + "' not found")
	}
	return name, "\n" + rest, nil
}

// LibraryCode returns the code of all libraries, in the order of their names.
func (x *Scripts) LibraryCode() []string {
	var all []string
	for _, lib := range x.functions.sorted() {
		all = append(all, lib.Code)
	}
	return all
}

// DropLibraries ends all libraries. The whole keyspace is locked.
func (x *Scripts) DropLibraries() {
	x.functions.mu.Lock()
	defer x.functions.mu.Unlock()
	x.functions.resetLocked()
}

// LoadLibrary loads a library, in place of one of the same name.
func (x *Scripts) LoadLibrary(code string) error {
	f := x.functions
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := f.loadLocked(code, true, &loadRun{x: x})
	return err
}

// fcall is FCALL and FCALL_RO. Libraries change under the locks of all shards, so that one held lock is enough for
// the function not to change.
func (x *Scripts) fcall(c *commands.Ctx) error {
	x.trace(workerOf(c), c)
	r := x.newRun(c, string(c.Argv[1]), 0, false)
	r.function = true
	r.argv = c.Argv
	for {
		fn, seen := x.functions.find(c.Argv[1])
		if fn == nil {
			return errNoFunction
		}
		keys, args, err := keysAndArgs(c.Argv)
		if errors.Is(err, commands.ErrNotInt) {
			return commands.Error("ERR Bad number of keys provided")
		}
		if err != nil {
			return err
		}
		asReader := c.Spec.Flags&commands.ReadOnly != 0
		if asReader && fn.Flags&lua.NoWrites == 0 {
			return errWriteFunctionRO
		}
		var l engine.LockSet
		x.addFunctionLocks(&l, fn, keys)
		if err := r.lock(&l); err != nil {
			return err
		}
		if x.functions.changes() != seen {
			c.Tx.Unlock()
			continue
		}
		r.flags, r.readOnly = fn.Flags, asReader || fn.Flags&lua.NoWrites != 0
		return r.runScript(func() error {
			if err := x.lockFunctions(); err != nil {
				return err
			}
			defer x.functions.mu.Unlock()
			return x.functions.state.Call(fn, keys, args, r, c.Reply)
		})
	}
}

// libraries is the name of a key that is never there, for which calls of functions wait for
// each other: they share an interpreter.
var libraries = []byte("\x00libraries")

// addFunctionLocks adds the locks that a call of a function needs: at least one, so that the libraries cannot
// change.
func (x *Scripts) addFunctionLocks(l *engine.LockSet, fn *lua.Function, keys [][]byte) {
	if !fn.Library.Declared {
		l.AddAll(x.keys)
		return
	}
	l.Add(x.keys, libraries)
	for _, k := range keys {
		l.Add(x.keys, k)
	}
}

func (x *Scripts) functionLoad(c *commands.Ctx) error {
	replace := false
	if len(c.Argv) > 3 {
		for _, a := range c.Argv[2 : len(c.Argv)-1] {
			if fold(a) != "replace" {
				return commands.Error("ERR Unknown option given: " + string(a))
			}
			replace = true
		}
	}
	if err := x.lockFunctions(); err != nil {
		return err
	}
	f := x.functions
	defer f.mu.Unlock()
	lib, err := f.loadLocked(string(c.Argv[len(c.Argv)-1]), replace, &loadRun{x: x})
	if err != nil {
		return err
	}
	c.Tx.Propagate("FUNCTION", []byte("LOAD"), []byte("REPLACE"), []byte(lib.Code))
	c.Reply.BulkString(lib.Name)
	return nil
}

func (x *Scripts) functionDelete(c *commands.Ctx) error {
	if err := x.lockFunctions(); err != nil {
		return err
	}
	f := x.functions
	defer f.mu.Unlock()
	lib := f.library(string(c.Argv[2]))
	if lib == nil {
		return errNoLibrary
	}
	f.dropLocked(lib)
	c.Propagate("FUNCTION", c.Argv[1:]...)
	c.Reply.OK()
	return nil
}

func (x *Scripts) functionFlush(c *commands.Ctx) error {
	if len(c.Argv) > 3 {
		return errSubcommand(c)
	}
	if len(c.Argv) == 3 && fold(c.Argv[2]) != "async" && fold(c.Argv[2]) != "sync" {
		return commands.Error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
	}
	if err := x.lockFunctions(); err != nil {
		return err
	}
	f := x.functions
	defer f.mu.Unlock()
	f.resetLocked()
	c.Propagate("FUNCTION", []byte("FLUSH"))
	c.Reply.OK()
	return nil
}

func (x *Scripts) functionList(c *commands.Ctx) error {
	var pattern []byte
	withCode := false
	for i := 2; i < len(c.Argv); i++ {
		switch {
		case !withCode && fold(c.Argv[i]) == "withcode":
			withCode = true
		case pattern == nil && fold(c.Argv[i]) == "libraryname":
			if i++; i == len(c.Argv) {
				return commands.Error("ERR library name argument was not given")
			}
			pattern = c.Argv[i]
		default:
			return commands.Error("ERR Unknown argument " + string(c.Argv[i]))
		}
	}
	libs := slices.DeleteFunc(x.functions.sorted(), func(lib *lua.Library) bool {
		return pattern != nil && !glob.Match(pattern, []byte(lib.Name), true)
	})
	w := c.Reply
	w.Array(len(libs))
	for _, lib := range libs {
		n := 3
		if withCode {
			n++
		}
		w.Map(n)
		w.BulkString("library_name")
		w.BulkString(lib.Name)
		w.BulkString("engine")
		w.BulkString("LUA")
		w.BulkString("functions")
		w.Array(len(lib.Functions))
		for _, fn := range lib.Functions {
			w.Map(3)
			w.BulkString("name")
			w.BulkString(fn.Name)
			w.BulkString("description")
			if fn.HasDesc {
				w.BulkString(fn.Description)
			} else {
				w.Null()
			}
			w.BulkString("flags")
			var flags []string
			for i, name := range lua.FlagNames {
				if fn.Flags>>i&1 != 0 {
					flags = append(flags, name)
				}
			}
			w.Set(len(flags))
			for _, name := range flags {
				w.Status(name)
			}
		}
		if withCode {
			w.BulkString("library_code")
			w.BulkString(lib.Code)
		}
	}
	return nil
}

func (x *Scripts) functionStats(c *commands.Ctx) error {
	w := c.Reply
	w.Map(2)
	w.BulkString("running_script")
	if name, words, ms, ok := x.longFunction(); ok {
		w.Map(3)
		w.BulkString("name")
		w.BulkString(name)
		w.BulkString("command")
		w.Array(len(words))
		for _, word := range words {
			w.BulkString(word)
		}
		w.BulkString("duration_ms")
		w.Int(ms)
	} else {
		w.Null()
	}
	libraries, functions, _ := x.functions.count()
	w.BulkString("engines")
	w.Map(1)
	w.BulkString("LUA")
	w.Map(2)
	w.BulkString("libraries_count")
	w.Int(int64(libraries))
	w.BulkString("functions_count")
	w.Int(int64(functions))
	return nil
}

func (x *Scripts) functionKill(c *commands.Ctx) error {
	if err := x.killLong(true); err != nil {
		return err
	}
	c.Reply.OK()
	return nil
}

func (x *Scripts) functionHelp(c *commands.Ctx) error {
	return c.ReplyHelp("FUNCTION",
		"LOAD [REPLACE] <FUNCTION CODE>",
		"    Create a new library with the given library name and code.",
		"DELETE <LIBRARY NAME>",
		"    Delete the given library.",
		"LIST [LIBRARYNAME PATTERN] [WITHCODE]",
		"    Return general information on all the libraries:",
		"    * Library name",
		"    * The engine used to run the Library",
		"    * Library description",
		"    * Functions list",
		"    * Library code (if WITHCODE is given)",
		"    It also possible to get only function that matches a pattern using LIBRARYNAME argument.",
		"STATS",
		"    Return information about the current function running:",
		"    * Function name",
		"    * Command used to run the function",
		"    * Duration in MS that the function is running",
		"    If no function is running, return nil",
		"    In addition, returns a list of available engines.",
		"KILL",
		"    Kill the current running function.",
		"FLUSH [ASYNC|SYNC]",
		"    Delete all the libraries.",
		"    When called without the optional mode argument, the behavior is determined by the",
		"    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
		"    * ASYNC: Asynchronously flush the libraries.",
		"    * SYNC: Synchronously flush the libraries.",
		"DUMP",
		"    Return a serialized payload representing the current libraries, can be restored using FUNCTION RESTORE command",
		"RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
		"    Restore the libraries represented by the given payload, it is possible to give a restore policy to",
		"    control how to handle existing libraries (default APPEND):",
		"    * FLUSH: delete all existing libraries.",
		"    * APPEND: appends the restored libraries to the existing libraries. On collision, abort.",
		"    * REPLACE: appends the restored libraries to the existing libraries, On collision, replace the old",
		"      libraries with the new libraries (notice that even on this option there is a chance of failure",
		"      in case of functions name collision with another library).")
}
