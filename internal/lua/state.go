package lua

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	glua "github.com/yuin/gopher-lua"

	"cached/internal/resp"
)

// A Host is the server as a script sees it.
type Host interface {
	// Call runs a command for the script. The reply, in version proto of the
	// protocol, is good until the next call; a refusal is an error reply. It is nil if
	// the script was ended in the middle of the command: Tick says why.
	Call(argv [][]byte, proto int) []byte
	// Allowed reports whether the script's user may run a command; known is
	// false if there is no such command.
	Allowed(argv [][]byte) (allowed, known bool)
	// Failed is called with an error that the script replies with; counted says that it is the error of a command.
	Failed(text string, counted bool)
	// Log writes a line to the server's log: 0 is debug, 3 is warning.
	Log(level int, text string)
	// Tick is called at intervals. Its error stops the script.
	Tick() error
}

// Versions are the values of redis.REDIS_VERSION and REDIS_VERSION_NUM.
type Versions struct {
	Text string
	Num  int
}

// Options are the parameters of a State.
type Options struct {
	Version Versions
	// CPUTime is the processor time that the process has used, for os.clock.
	CPUTime func() time.Duration
	// Functions makes an interpreter for libraries of functions, not scripts.
	Functions bool
}

// Bounds of an interpreter. C's Lua allows 200 nested C calls and some 20000
// nested Lua calls.
const (
	registryStart = 1 << 10
	registryMax   = 1 << 20
	maxDepth      = 20000
	callDepth     = maxDepth + 2*step // it is not looked at every call
	maxString     = 512 << 20         // longest string that a library makes
)

// A State is an interpreter that runs one program at a time.
type State struct {
	l         *glua.LState
	opts      Options
	globals   *glua.LTable                  // the real ones, behind the protected _G
	protected map[*glua.LTable]*glua.LTable // substitutes of tables that must not change
	errFunc   *glua.LFunction
	tostr     *glua.LFunction
	null      *glua.LUserData
	strings   *glua.LTable // shown as the metatable of strings
	clock     clock
	random    lrand48
	caught    *glua.LFunction // the handler of pcall and xpcall
	catching  []catch         // those that run
	loaded    *glua.LFunction // makes the function that loadstring returns
	rest      *glua.LFunction
	resumed   int               // coroutines that resumed each other
	sources   map[string]string // chunk names of loadstring, by how messages show them

	host    Host
	proto   int          // of the replies that redis.call converts
	cjson   *cjsonConfig // of the library that is called
	options cjsonConfig  // of cjson
	argv    [][]byte     // of redis.call, reused
	buf     []byte       // of numbers in argv
	ends    []int        // of words in buf

	callFunc, pcallFunc  *glua.LFunction // redis.call and redis.pcall
	functions            map[*Program]*glua.LFunction
	keyTables, argTables tableCache

	loading      *Library     // while a library's code runs
	whileLoading *glua.LTable // the globals it sees
}

// NewState makes an interpreter.
func NewState(o Options) *State {
	s := &State{opts: o, protected: make(map[*glua.LTable]*glua.LTable), functions: make(map[*Program]*glua.LFunction)}
	s.l = glua.NewState(glua.Options{SkipOpenLibs: true, RegistrySize: registryStart, RegistryMaxSize: registryMax,
		CallStackSize: callDepth, MinimizeStackMemory: true})
	s.clock.s = s
	s.l.SetContext(&s.clock)
	s.errFunc = s.l.NewFunction(s.locate)
	s.tostr = s.l.NewFunction(concatOperand)
	s.caught = s.newHandler()
	s.loaded = s.written("local f, operand, rest = ... return function(...) return f(operand, rest, ...) end")
	s.rest = s.l.NewFunction(func(l *glua.LState) int { return max(l.GetTop()-2, 0) })
	s.random.x = rand.Uint64() & (1<<48 - 1)
	s.openLibraries()
	return s
}

// Close frees the interpreter.
func (s *State) Close() { s.l.Close() }

// A clock is the interpreter's context. The interpreter asks it at every instruction whether to stop the script;
// the clock uses that to measure time: first after a number of instructions, then every millisecond, however long
// an instruction takes. Functions of the libraries count their work by spend.
type clock struct {
	context.Context
	s     *State
	left  int         // instructions until it turns
	until int         // and until it ticks
	due   atomic.Bool // a millisecond is over
	timer *time.Timer
	err   error
	done  chan struct{}
	deep  bool // the stack has overflown
}

// ticks is how many instructions pass before the first call of Host.Tick, and at most
// between two of them: about a millisecond. step is how many pass before the depth of
// the stack is looked at.
const (
	ticks = 50000
	step  = 1000
)

var (
	closedChan  = func() chan struct{} { c := make(chan struct{}); close(c); return c }()
	errOverflow = errors.New("stack overflow")
)

func (c *clock) reset() {
	if c.timer != nil {
		c.timer.Stop()
		c.due.Store(false)
	}
	c.left, c.until, c.err, c.done, c.deep = step, ticks, nil, nil, false
}

// Done counts an instruction.
func (c *clock) Done() <-chan struct{} {
	c.left--
	if c.left <= 0 || c.due.Load() {
		c.turn()
	}
	return c.done
}

// turn comes after some instructions.
func (c *clock) turn() {
	c.until -= step - c.left
	c.left = step
	if c.err == errOverflow { // it was raised, and may have been caught
		c.err, c.done = nil, nil
	}
	if c.until <= 0 || c.due.Load() {
		c.tick()
	}
	if c.err != nil {
		return
	}
	switch depth := depthOf(c.s.l); {
	case depth <= maxDepth:
		c.deep = false
	case !c.deep || depth > maxDepth+step/2: // an error handler has some room
		c.deep = true
		c.err, c.done, c.left = errOverflow, closedChan, 0
	}
}

func (c *clock) tick() {
	c.until = ticks
	if c.err == nil && c.s.host != nil {
		c.err = c.s.host.Tick()
	}
	c.due.Store(false)
	switch {
	case c.err != nil:
		c.done, c.left, c.until = closedChan, 0, 0 // at every instruction from now on: pcall does not catch it
	case c.timer == nil:
		c.timer = time.AfterFunc(time.Millisecond, func() { c.due.Store(true) })
	default:
		c.timer.Reset(time.Millisecond)
	}
}

// over reports whether the script was stopped.
func (c *clock) over() bool { return c.err != nil && c.err != errOverflow }

// spend counts the work of a function of a library, in instructions that take as long, and stops the function if
// the script was stopped.
func (s *State) spend(l *glua.LState, n int) {
	if s.over(n) {
		l.RaiseError("%s", s.clock.err.Error())
	}
}

// over counts like spend, and reports whether the script is over.
func (s *State) over(n int) bool {
	c := &s.clock
	if c.left -= n; c.left <= 0 || c.due.Load() {
		c.turn()
	}
	return c.over()
}

func (c *clock) Err() error                       { return c.err }
func (c *clock) Deadline() (t time.Time, ok bool) { return t, false }
func (c *clock) Value(any) any                    { return nil }

// An Error is the error with which a script stopped.
type Error struct {
	Text         string // as a client sees it, without where it happened
	Source, Line string // where, or empty
	Ignore       bool   // the error was counted when a command failed
}

func (e *Error) Error() string { return e.Text }

// ErrKilled is the error of Host.Tick for a script that was killed.
var ErrKilled = errors.New("ERR Script killed by user with SCRIPT KILL...")

// Run runs a script and replies with its result.
func (s *State) Run(p *Program, keys, args [][]byte, host Host, w *resp.Writer) error {
	s.begin(host)
	defer s.end()
	defer s.keyTables.check(len(keys))
	defer s.argTables.check(len(args))
	keyTable, argTable := s.list(&s.keyTables, keys), s.list(&s.argTables, args)
	if p.plain {
		return s.call(w, s.functionOf(p), s.tostr, s.callFunc, s.pcallFunc, keyTable, argTable)
	}
	s.globals.RawSetString("KEYS", keyTable)
	s.globals.RawSetString("ARGV", argTable)
	return s.call(w, s.functionOf(p), s.tostr)
}

// keptFunctions bounds how many programs' functions are kept for their next run.
const keptFunctions = 256

// functionOf makes a function of a program. It has no variables of its own, so it
// can run again.
func (s *State) functionOf(p *Program) *glua.LFunction {
	fn := s.functions[p]
	if fn == nil {
		if len(s.functions) >= keptFunctions {
			clear(s.functions)
		}
		fn = s.l.NewFunctionFromProto(p.proto)
		s.functions[p] = fn
	}
	return fn
}

func (s *State) begin(host Host) {
	s.host, s.proto = host, 2
	s.clock.reset()
	s.options = defaultCJSON
}

func (s *State) end() {
	s.host = nil
	s.clock.reset()
	s.catching, s.resumed = s.catching[:0], 0
	clear(s.sources)
	s.l.SetTop(0)
}

// call calls fn and writes its result to w, if there is one.
func (s *State) call(w *resp.Writer, fn glua.LValue, args ...glua.LValue) error {
	s.l.Push(fn)
	for _, a := range args {
		s.l.Push(a)
	}
	if err := s.l.PCall(len(args), 1, s.errFunc); err != nil {
		return s.failure(err)
	}
	v := s.l.Get(-1)
	s.l.Pop(1)
	if w != nil {
		mark := len(w.B)
		if s.reply(w, v, 0); s.clock.over() {
			w.B = w.B[:mark]
			return &Error{Text: s.clock.err.Error()}
		}
	}
	return nil
}

// A tableCache has tables of words for the next script, by the number of words. No
// script leaves anything that could still look at them.
type tableCache [9]*glua.LTable

// maxKeptWord bounds the words that are kept in tables.
const maxKeptWord = 1 << 10

// list makes a table of words, from those of the cache if there is one.
func (s *State) list(from *tableCache, words [][]byte) *glua.LTable {
	n := len(words)
	var t *glua.LTable
	if from != nil && n < len(from) {
		t, from[n] = from[n], nil
	}
	if t == nil {
		t = s.l.CreateTable(n, 0)
	}
	keep := from != nil && n < len(from)
	for i, a := range words {
		t.RawSetInt(i+1, glua.LString(a))
		keep = keep && len(a) <= maxKeptWord
	}
	if keep {
		from[n] = t
	}
	return t
}

// check drops the tables whose shape a script has changed.
func (c *tableCache) check(n int) {
	if n >= len(c) || c[n] == nil {
		return
	}
	t := c[n]
	if k, _ := t.Next(glua.LNumber(n)); t.Len() != n || k != glua.LNil || t.Metatable != glua.LNil {
		c[n] = nil
	}
}

// failure makes an Error of an error of the interpreter.
func (s *State) failure(err error) error {
	var api *glua.ApiError
	if !errors.As(err, &api) {
		return &Error{Text: "ERR " + err.Error()}
	}
	t, ok := api.Object.(*glua.LTable)
	if !ok {
		return &Error{Text: "ERR " + plainText(api.Object.String())}
	}
	e := &Error{Text: "ERR unknown error"}
	if v, ok := t.RawGetString("err").(glua.LString); ok {
		e.Text = string(v)
	}
	e.Source = rawText(t, "source")
	e.Line = rawText(t, "line")
	e.Ignore = glua.LVAsBool(t.RawGetString("ignore_error_stats_update"))
	return e
}

func rawText(t *glua.LTable, key string) string {
	switch v := t.RawGetString(key).(type) {
	case glua.LString:
		return string(v)
	case glua.LNumber:
		return numberText(v)
	}
	return ""
}

// locate is the error handler: it makes a table of the error and notes where it
// happened.
func (s *State) locate(l *glua.LState) int {
	v := l.Get(1)
	t, ok := v.(*glua.LTable)
	if !ok {
		t = l.NewTable()
		text := "ERR " + s.text(s.described(l, v, 1))
		if s.clock.over() {
			text = s.clock.err.Error() // whatever a handler made of it
		}
		t.RawSetString("err", glua.LString(text))
	}
	for level := 1; level < 4; level++ {
		d, ok := l.GetStack(level)
		if !ok {
			break
		}
		if _, err := l.GetInfo("Sl", d, glua.LNil); err != nil || d.What == "G" || d.What == "C" || d.CurrentLine <= 0 {
			continue
		}
		source, ok := s.sources[d.Source]
		if !ok {
			source = "@" + d.Source
		}
		t.RawSetString("source", glua.LString(source))
		t.RawSetString("line", glua.LNumber(lineOf(d.CurrentLine)))
		break
	}
	l.Push(t)
	return 1
}
