package server

import (
	"time"

	"cached/commands"
	"cached/engine"
	"cached/engine/value"
	"cached/internal/host"
	"cached/internal/lua"
	"cached/internal/version"
)

const (
	errNoScript       = commands.Error("NOSCRIPT No matching script. Please use EVAL.")
	errKeysOverArgs   = commands.Error("ERR Number of keys can't be greater than number of args")
	errKeysNegative   = commands.Error("ERR Number of keys can't be negative")
	errWriteFlagOnRO  = commands.Error("ERR Can not execute a script with write flag using *_ro command.")
	errDebugInMulti   = commands.Error("ERR SCRIPT DEBUG must be called outside a pipeline")
	errNoDebugger     = commands.Error("ERR There is no debugger here. SCRIPT DEBUG NO has scripts run again.")
	errDebugBySHA     = commands.Error("ERR Please use EVAL instead of EVALSHA for debugging")
	errScriptFlushArg = commands.Error("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
)

// luaOptions are those of an interpreter for scripts.
var luaOptions = lua.Options{
	Version: lua.Versions{Text: version.Redis, Num: versionNumber(version.Redis)},
	CPUTime: func() time.Duration {
		sys, user := host.CPUTime()
		return sys + user
	},
}

// versionNumber is a.b.c as the number 0xaabbcc.
func versionNumber(v string) int {
	n, part := 0, 0
	for _, c := range []byte(v) {
		if c == '.' {
			n, part = n<<8|part, 0
		} else if c >= '0' && c <= '9' {
			part = part*10 + int(c-'0')
		}
	}
	return n<<8 | part
}

// keysAndArgs splits the words behind a script's name.
func keysAndArgs(argv [][]byte) (keys, args [][]byte, err error) {
	n, ok := value.ParseInt(argv[2])
	switch {
	case !ok:
		return nil, nil, commands.ErrNotInt
	case n > int64(len(argv)-3):
		return nil, nil, errKeysOverArgs
	case n < 0:
		return nil, nil, errKeysNegative
	}
	return argv[3 : 3+n], argv[3+n:], nil
}

// eval is EVAL and EVAL_RO.
func (x *Scripts) eval(c *commands.Ctx) error {
	x.trace(workerOf(c), c)
	keys, args, err := keysAndArgs(c.Argv)
	if err != nil {
		return err
	}
	if clientOf(c).mode&debugs != 0 {
		return errNoDebugger
	}
	p, err := x.cache.compiled(c.Argv[1], false)
	if err != nil {
		return err
	}
	return x.runProgram(c, p, keys, args)
}

// evalsha is EVALSHA and EVALSHA_RO.
func (x *Scripts) evalsha(c *commands.Ctx) error {
	x.trace(workerOf(c), c)
	if clientOf(c).mode&debugs != 0 {
		return errDebugBySHA
	}
	name, ok := nameOf(c.Argv[1])
	if !ok {
		return errNoScript
	}
	keys, args, err := keysAndArgs(c.Argv)
	if err != nil {
		return err
	}
	p := x.cache.named(name)
	if p == nil {
		return errNoScript
	}
	return x.runProgram(c, p, keys, args)
}

func (x *Scripts) runProgram(c *commands.Ctx, p *lua.Program, keys, args [][]byte) error {
	asReader := c.Spec.Flags&commands.ReadOnly != 0
	if asReader && p.Flags&(lua.Compat|lua.NoWrites) == 0 {
		return errWriteFlagOnRO
	}
	st := scriptStates.of(workerOf(c))
	if st.lua == nil {
		st.lua = lua.NewState(luaOptions)
	}
	state := st.lua
	r := x.newRun(c, p.SHA, p.Flags, asReader || p.Flags&lua.NoWrites != 0)
	var l engine.LockSet
	x.addProgramLocks(&l, p, keys)
	if err := r.lock(&l); err != nil {
		return err
	}
	return r.runScript(func() error { return state.Run(p, keys, args, r, c.Reply) })
}

func (x *Scripts) addProgramLocks(l *engine.LockSet, p *lua.Program, keys [][]byte) {
	if !p.Declared {
		l.AddAll(x.keys)
		return
	}
	for _, k := range keys {
		l.Add(x.keys, k)
	}
}

// addScriptLocks adds the locks that a call of a script or function in a transaction needs. A call that will fail
// needs none.
func (x *Scripts) addScriptLocks(l *engine.LockSet, spec *commands.Spec, argv [][]byte) {
	keys, _, err := keysAndArgs(argv)
	if err != nil {
		return
	}
	switch spec.Name {
	case "eval", "eval_ro":
		if p, err := x.cache.compiled(argv[1], false); err == nil {
			x.addProgramLocks(l, p, keys)
		}
	case "evalsha", "evalsha_ro":
		if name, ok := nameOf(argv[1]); ok {
			if p := x.cache.named(name); p != nil {
				x.addProgramLocks(l, p, keys)
			}
		}
	default:
		if fn, _ := x.functions.find(argv[1]); fn != nil {
			x.addFunctionLocks(l, fn, keys)
		}
	}
}

func (x *Scripts) scriptLoad(c *commands.Ctx) error {
	p, err := x.cache.compiled(c.Argv[2], true)
	if err != nil {
		return err
	}
	c.Reply.BulkString(p.SHA)
	return nil
}

func (x *Scripts) scriptExists(c *commands.Ctx) error {
	c.Reply.Array(len(c.Argv) - 2)
	for _, a := range c.Argv[2:] {
		name, ok := nameOf(a)
		if ok && x.cache.named(name) != nil {
			c.Reply.Int(1)
		} else {
			c.Reply.Int(0)
		}
	}
	return nil
}

func (x *Scripts) scriptFlush(c *commands.Ctx) error {
	if len(c.Argv) > 3 || len(c.Argv) == 3 && fold(c.Argv[2]) != "async" && fold(c.Argv[2]) != "sync" {
		return errScriptFlushArg
	}
	x.cache.flush()
	c.Reply.OK()
	return nil
}

func (x *Scripts) scriptKill(c *commands.Ctx) error {
	if err := x.killLong(false); err != nil {
		return err
	}
	c.Reply.OK()
	return nil
}

// scriptDebug has the client's scripts debugged. There is no debugger, so that they
// are refused: under YES a script must not change anything for good.
func (x *Scripts) scriptDebug(c *commands.Ctx) error {
	cl := clientOf(c)
	if cl.mode&inExec != 0 {
		return errDebugInMulti
	}
	switch fold(c.Argv[2]) {
	case "no":
		cl.mode &^= debugs
	case "yes", "sync":
		cl.mode |= debugs
	default:
		return commands.Error("ERR Use SCRIPT DEBUG YES/SYNC/NO")
	}
	c.Reply.OK()
	return nil
}

func (x *Scripts) scriptHelp(c *commands.Ctx) error {
	return c.ReplyHelp("SCRIPT",
		"DEBUG (YES|SYNC|NO)",
		"    Set the debug mode for subsequent scripts executed.",
		"EXISTS <sha1> [<sha1> ...]",
		"    Return information about the existence of the scripts in the script cache.",
		"FLUSH [ASYNC|SYNC]",
		"    Flush the Lua scripts cache. Very dangerous on replicas.",
		"    When called without the optional mode argument, the behavior is determined by the",
		"    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
		"    * ASYNC: Asynchronously flush the scripts cache.",
		"    * SYNC: Synchronously flush the scripts cache.",
		"KILL",
		"    Kill the currently executing Lua script.",
		"LOAD <script>",
		"    Load a script into the scripts cache without executing it.")
}
