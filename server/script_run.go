package server

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"cached/commands"
	"cached/engine"
	"cached/internal/acl"
	"cached/internal/lua"
)

const (
	errUnknownFromScript = commands.Error("ERR Unknown Redis command called from script")
	errArityFromScript   = commands.Error("ERR Wrong number of args calling Redis command from script")
	errNotFromScript     = commands.Error("ERR This Redis command is not allowed from script")
	errReadOnlyScript    = commands.Error("ERR Write commands are not allowed from read-only scripts.")
	errUndeclaredKey     = commands.Error("ERR Script attempted to access a non declared key")
)

// A scriptRun is a running script or function, and the host of its commands.
type scriptRun struct {
	x        *Scripts
	w        *worker
	c        *commands.Ctx
	cl       *client
	name     string   // of the function, or the script's SHA-1
	argv     [][]byte // how a function was called
	words    []string // the same for FUNCTION STATS, once it takes long
	function bool
	readOnly bool
	flags    lua.Flags
	full     bool // there was no memory for it when it began
	inExec   bool // the locks are those of a transaction
	failed   bool // it replied an error
	long     bool // others see it
	ended    bool // in the middle of a command
	run      running
}

// A scriptState is the state of Scripts for a worker.
type scriptState struct {
	lua *lua.State // runs scripts; nil before the first
	run scriptRun  // the one that runs, or ran last
}

var scriptStates = newWorkerSlot[scriptState]()

// newRun makes the worker ready for a script: one runs at a time.
func (x *Scripts) newRun(c *commands.Ctx, name string, flags lua.Flags, readOnly bool) *scriptRun {
	w := workerOf(c)
	r := &scriptStates.of(w).run
	*r = scriptRun{x: x, w: w, c: c, cl: clientOf(c), name: name, flags: flags, readOnly: readOnly}
	return r
}

// lock takes the locks that a script needs, unless those of a transaction are held.
func (r *scriptRun) lock(l *engine.LockSet) error {
	if r.x.held.Load() {
		return errEnding
	}
	if r.inExec = r.cl.mode&inExec != 0; r.inExec {
		return nil
	}
	r.c.Tx.BeginLong()
	if !r.c.Tx.Lock(l) {
		return engine.ErrBusy
	}
	return nil
}

// runScript calls call, under the locks that were taken, and has everything it does
// journaled as one.
func (r *scriptRun) runScript(call func() error) error {
	c, cl, tx := r.c, r.cl, r.c.Tx
	x := r.x
	if !r.inExec {
		tx.BeginAtomic()
	}
	r.run.run = r
	r.full = r.flags&(lua.NoWrites|lua.AllowOOM) == 0 && x.full()
	argv, spec, db, proto, mode := c.Argv, c.Spec, cl.db(), c.Reply.Proto, cl.mode
	readOnly, counting, noTouch := tx.ReadOnly, tx.Counting, tx.NoTouch
	cl.mode |= inExec
	c.Script, c.Running = true, r

	err := call()

	c.Script, c.Running = false, nil

	if r.long {
		x.end(&r.run)
	}
	cl.mode = mode
	c.Argv, c.Spec, c.Reply.Proto = argv, spec, proto
	if cl.db() != db {
		cl.SelectDB(db)
	}
	tx.DB, tx.ReadOnly, tx.Counting, tx.NoTouch = db, readOnly, counting, noTouch
	if !r.inExec {
		tx.CommitAtomic()
	}
	if r.failed {
		r.w.stat(spec).failed++
	}
	var e *lua.Error
	if !errors.As(err, &e) {
		return err
	}
	text := e.Text
	if e.Line != "" {
		text += " script: " + r.name + ", on " + e.Source + ":" + e.Line + "."
	}
	if e.Ignore {
		return countedError{commands.Error(text)}
	}
	return commands.Error(text)
}

// Failed counts an error that the script replies.
func (r *scriptRun) Failed(text string, counted bool) {
	r.failed = true
	if !counted {
		r.x.countError(text)
	}
}

// errReplyTooLong replaces a reply to a script that takes too much of the machine's memory.
const errReplyTooLong = "ERR The reply of the command is too long"

// Call runs a command for the script.
func (r *scriptRun) Call(argv [][]byte, proto int) []byte {
	w := r.w
	mark := len(w.reply.B)
	w.reply.Proto = proto
	most, full := w.reply.Most, w.reply.Full // they are the client's
	w.reply.Bound(mark + int(r.x.mostReply.Load()))
	err := r.do(argv)
	if r.ended {
		w.reply.B = w.reply.B[:mark]
		w.reply.Most, w.reply.Full, w.reply.Proto = most, full, r.cl.proto
		return nil
	}
	if err != nil {
		w.reply.B = w.reply.B[:mark]
		var e commands.Error
		if !errors.As(err, &e) {
			e = commands.Error("ERR " + err.Error())
		}
		w.reply.Error(string(e))
		r.x.countError(string(e))
	}
	if w.reply.Full {
		w.reply.B = w.reply.B[:mark]
		w.reply.Bound(0)
		w.reply.Error(errReplyTooLong)
		r.x.countError(errReplyTooLong)
	}
	w.reply.Most, w.reply.Full = most, full
	out := w.reply.B[mark:]
	w.reply.B = w.reply.B[:mark]
	w.reply.Proto = r.cl.proto
	return out
}

func (r *scriptRun) do(argv [][]byte) error {
	w, cl, tx := r.w, r.cl, r.c.Tx
	spec, _ := r.x.table.Find(argv)
	if spec == nil {
		return errUnknownFromScript
	}
	if err := r.refuse(spec, argv); err != nil {
		w.stat(spec).rejected++
		return err
	}
	if tx.Loose() {
		var l engine.LockSet
		spec.AddLocks(w.srv.keys, argv, &l)
		tx.Relock(&l)
		defer tx.Relax()
	}
	start := w.nowNS
	j := job{origin: FromScript, c: cl, spec: spec, argv: argv, db: cl.db(), tx: tx, caller: r}
	_, err := w.run(&j)
	if j.denied {
		w.stat(spec).rejected++
		return err
	}
	r.x.traceCall(w, cl.db(), spec, argv)
	st, took := w.stat(spec), w.nowNS-start
	w.ran(spec, st, took)
	if took >= r.x.slowNS.Load() {
		r.x.on.Slow(w, nil, spec, argv, took, start)
	}
	if err != nil {
		st.failed++
	}
	return err
}

// refuse returns why a command may not run.
func (r *scriptRun) refuse(spec *commands.Spec, argv [][]byte) error {
	switch {
	case !spec.ArityOK(argv):
		return errArityFromScript
	case spec.Flags&commands.NoScript != 0 && !(r.x.allowAll.Load() && !takesClient(spec)):
		return errNotFromScript
	}
	return nil
}

// admit refuses a command of keys that the script does not hold, and one that may not
// write. It comes behind the gates.
func (r *scriptRun) admit(spec *commands.Spec, argv [][]byte) error {
	var l engine.LockSet
	spec.AddLocks(r.x.keys, argv, &l)
	if !r.c.Tx.Holds(&l) {
		return errUndeclaredKey
	}
	if r.readOnly && spec.Flags&(commands.Write|commands.MayReplicate) != 0 {
		return errReadOnlyScript
	}
	if spec.Flags&commands.Write != 0 {
		r.run.wrote.Store(true)
	}
	return nil
}

// memory refuses a command that may need memory when there was none as the script began.
// One that has written is not stopped half-way.
func (r *scriptRun) memory(spec *commands.Spec) error {
	if r.full && spec.Flags&commands.DenyOOM != 0 && !r.run.wrote.Load() {
		return errOOM
	}
	return nil
}

// Allowed is ACL's word on a command that a script asks about.
func (r *scriptRun) Allowed(argv [][]byte) (allowed, known bool) {
	spec, _ := r.x.table.Find(argv)
	if spec == nil {
		return false, false
	}
	reason, _ := r.x.may(r.cl.account.Load().user.Load(), spec, argv)
	return reason == acl.Allowed, true
}

// Log writes a script's line to the log.
func (r *scriptRun) Log(level int, text string) { r.x.logForScript(level, text) }

func (x *Scripts) logForScript(level int, text string) {
	l := []slog.Level{slog.LevelDebug, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn}[level]
	x.log.Log(context.Background(), l, "script says", "text", text)
}

// takesClient reports whether a command cannot run inside a script at all: it has the
// client, or the end of the server, in its hands.
func takesClient(spec *commands.Spec) bool {
	switch spec.Group {
	case commands.Transactions, commands.PubSub, commands.Scripting:
		return true
	}
	return slices.Contains([]string{"auth", "hello", "monitor", "psync", "quit", "reset", "shutdown", "sync", "failover", "replconf", "save"}, spec.Name)
}
