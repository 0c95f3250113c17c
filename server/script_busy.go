package server

import (
	"sync"
	"sync/atomic"
	"time"

	"cached/commands"
	"cached/internal/acl"
	"cached/internal/lua"
)

const (
	errEnding       = commands.Error("ERR the server is shutting down")
	errBusyScript   = commands.Error("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.")
	errBusyFunction = commands.Error("BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.")
	errNotBusy      = commands.Error("NOTBUSY No scripts in execution right now.")
	errUnkillable   = commands.Error("UNKILLABLE Sorry the script already executed write commands against the dataset. " +
		"You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.")
)

// A running is a script that runs, as others see it once it takes long.
type running struct {
	run   *scriptRun
	start time.Time
	slow  bool // over busy-reply-threshold; changed by the script's goroutine under scripts.mu
	wrote atomic.Bool
	kill  atomic.Bool
}

// longScript is how long a script runs before it is visible to others: FUNCTION STATS shows it then, and it can be
// killed, although no command is refused yet. In Redis, which has one thread, a client that asks for that waits
// until the script is slow.
const longScript = 100 * time.Millisecond

// Scripts runs scripts and functions. It knows those that take long, and those that are slow: over
// busy-reply-threshold. While one is slow, all loops refuse commands that are not allowed then.
type Scripts struct {
	*Road

	may       func(u *acl.User, spec *commands.Spec, argv [][]byte) (acl.Reason, string)
	full      func() bool                                                 // there is no memory for commands that may need some
	trace     func(w *worker, c *commands.Ctx)                            // shows a call of a script to MONITOR
	traceCall func(w *worker, db int, spec *commands.Spec, argv [][]byte) // and a command that it calls
	functions *functions
	cache     *scriptCache
	allowAll  atomic.Bool // DEBUG SET-DISABLE-DENY-SCRIPTS
	limitNS   atomic.Int64
	busy      atomic.Int32 // how many are slow
	held      atomic.Bool  // none may begin
	ending    atomic.Bool  // the server is shutting down: scripts that have written nothing stop

	mu   sync.Mutex // guards long
	long map[*running]struct{}
}

// newScripts returns the scripts of a road, and hangs them there.
func newScripts(r *Road) *Scripts {
	x := &Scripts{Road: r, long: make(map[*running]struct{})}
	x.cache = newScriptCache(x.keysOfCommand)
	x.functions = newFunctions(x.keysOfCommand)
	on := &r.on
	on.Flags, on.Locks, on.Version, on.Busy = x.flagsOfCall, x.addScriptLocks, x.functions.changes, x.busyError
	return x
}

// begin adds a script that takes long.
func (x *Scripts) begin(r *running) {
	x.mu.Lock()
	x.long[r] = struct{}{}
	x.mu.Unlock()
}

// becomeSlow has others refused because of a script.
func (x *Scripts) becomeSlow(r *running) {
	x.mu.Lock()
	r.slow = true
	x.mu.Unlock()
	x.busy.Add(1)
	x.setGated()
	x.keys.GiveUp(true) // clients that wait for its locks get BUSY as well
}

// end forgets a script that took long.
func (x *Scripts) end(r *running) {
	x.mu.Lock()
	delete(x.long, r)
	slow := r.slow
	x.mu.Unlock()
	if slow && x.busy.Add(-1) == 0 {
		x.setGated()
		x.keys.GiveUp(false)
		// Another may have become slow just now.
		x.keys.GiveUp(x.busy.Load() > 0)
	}
}

// HoldScripts prevents scripts from starting until it is called with false, and stops those that have written
// nothing. It is called before the server shuts down.
func (x *Scripts) HoldScripts(on bool) {
	x.held.Store(on)
	x.ending.Store(on)
}

// RunningScript describes a script or function that runs; ok is false when there is
// none. A script that has just begun has no name yet.
func (x *Scripts) RunningScript() (what string, ok bool) {
	if !x.keys.LongWork() {
		return "", false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for r := range x.long {
		return r.run.name, true
	}
	return "", true
}

// await waits until no script runs, and lets none begin before begin is called. It
// returns an error when one of them is slow.
func (x *Scripts) await() (begin func(), err error) {
	x.held.Store(true)
	if !x.keys.Patiently(func() bool { return !x.keys.LongWork() }) {
		x.held.Store(false)
		return nil, x.busyError()
	}
	return func() { x.held.Store(false) }, nil
}

// Tick is called about once a millisecond while the script runs.
func (r *scriptRun) Tick() error {
	x := r.x
	if r.run.start.IsZero() {
		r.run.start = time.Now() // a millisecond late, which saves most scripts the look
	}
	if !r.inExec && time.Since(r.run.start) >= loosenAfter {
		r.c.Tx.Loosen()
	}
	if !r.run.slow {
		took, limit := time.Since(r.run.start), time.Duration(x.limitNS.Load())
		slow := limit > 0 && took >= limit
		if !r.long && (slow || took >= longScript) {
			r.long = true
			for _, a := range r.argv {
				r.words = append(r.words, string(a))
			}
			x.begin(&r.run)
		}
		if slow {
			x.becomeSlow(&r.run)
			x.log.Warn("slow script detected: still in execution", "script", r.name, "client", r.cl.addr)
		}
	}
	if r.run.kill.Load() {
		return lua.ErrKilled
	}
	if x.ending.Load() && !r.run.wrote.Load() {
		return errEnding
	}
	return nil
}

// Over is Tick in the middle of a command of the script. What ends the script, Tick says again.
func (r *scriptRun) Over() bool {
	r.ended = r.ended || r.Tick() != nil
	return r.ended
}

// busyGate refuses commands while a script is over its limit.
func (x *Scripts) busyGate(r *Request) Verdict {
	if x.busy.Load() == 0 || r.Spec.Flags&commands.AllowBusy != 0 || r.Spec.Name == "shutdown" {
		return Verdict{}
	}
	return refuse(x.busyError())
}

// busyError is the error for commands while a script is slow.
func (x *Scripts) busyError() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for r := range x.long {
		if r.slow && r.run.function {
			return errBusyFunction
		}
	}
	return errBusyScript
}

// longFunction returns how a function that takes long was called, and for how many
// milliseconds it has run; ok is false when there is none.
func (x *Scripts) longFunction() (name string, words []string, ms int64, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for r := range x.long {
		if r.run.function {
			return r.run.name, r.run.words, time.Since(r.start).Milliseconds(), true
		}
	}
	return "", nil, 0, false
}

// killLong stops scripts (or functions) that take long.
func (x *Scripts) killLong(function bool) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.long) == 0 {
		return errNotBusy
	}
	found := false
	for r := range x.long {
		if r.run.function != function {
			continue
		}
		if r.wrote.Load() {
			return errUnkillable
		}
		found = true
	}
	if !found {
		if function {
			return errBusyScript
		}
		return errBusyFunction
	}
	for r := range x.long {
		if r.run.function == function {
			r.kill.Store(true)
		}
	}
	return nil
}

// memoryGate refuses commands of scripts that may need memory when there was none as the
// script began.
func memoryGateOfScripts(r *Request) Verdict { return refuse(scriptStates.of(r.w).run.memory(r.Spec)) }

// use counts the scripts and functions that are kept, and what they take.
func (x *Scripts) use() (u ScriptUse) {
	n, bytes := x.cache.count()
	libraries, functions, libraryBytes := x.functions.count()
	return ScriptUse{int64(n), bytes, int64(libraries), int64(functions), int64(libraryBytes)}
}
