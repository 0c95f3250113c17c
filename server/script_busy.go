package server

import (
	"sync"
	"sync/atomic"
	"time"

	"cached/commands"
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

// longScript is how long a script runs before others see it: FUNCTION STATS shows it
// then, and it can be killed, although nobody is refused anything yet. In Redis, where
// one thread does all, who asks for that has to wait until the script is slow.
const longScript = 100 * time.Millisecond

// scripts knows the scripts that take long, and those that are slow: over
// busy-reply-threshold. The latter make every loop refuse what is not allowed meanwhile.
type scripts struct {
	srv      *Server
	cache    *scriptCache
	allowAll atomic.Bool // DEBUG SET-DISABLE-DENY-SCRIPTS
	limitNS  atomic.Int64
	busy     atomic.Int32 // how many are slow
	held     atomic.Bool  // none may begin
	ending   atomic.Bool  // the server ends: those that have written nothing end too

	mu   sync.Mutex // guards long
	long map[*running]struct{}
}

// begin adds a script that takes long.
func (x *scripts) begin(r *running) {
	x.mu.Lock()
	x.long[r] = struct{}{}
	x.mu.Unlock()
}

// becomeSlow has others refused because of a script.
func (x *scripts) becomeSlow(r *running) {
	x.mu.Lock()
	r.slow = true
	x.mu.Unlock()
	x.busy.Add(1)
	x.srv.setGated()
	x.srv.keys.GiveUp(true) // who waits for its locks is told BUSY as well
}

// end forgets a script that took long.
func (x *scripts) end(r *running) {
	x.mu.Lock()
	delete(x.long, r)
	slow := r.slow
	x.mu.Unlock()
	if slow && x.busy.Add(-1) == 0 {
		x.srv.setGated()
		x.srv.keys.GiveUp(false)
		// Another may have become slow just now.
		x.srv.keys.GiveUp(x.busy.Load() > 0)
	}
}

// HoldScripts has no script begin until it is called with false, and ends those that have
// written nothing. It is for the time before the server ends.
func (s *Server) HoldScripts(on bool) {
	s.scripts.held.Store(on)
	s.scripts.ending.Store(on)
}

// RunningScript describes a script or function that runs; ok is false when there is
// none. A script that has just begun has no name yet.
func (s *Server) RunningScript() (what string, ok bool) {
	if !s.keys.LongWork() {
		return "", false
	}
	x := &s.scripts
	x.mu.Lock()
	defer x.mu.Unlock()
	for r := range x.long {
		return r.run.name, true
	}
	return "", true
}

// await waits until no script runs, and lets none begin before begin is called. It
// returns an error when one of them is slow.
func (x *scripts) await() (begin func(), err error) {
	x.held.Store(true)
	if !x.srv.keys.Patiently(func() bool { return !x.srv.keys.LongWork() }) {
		x.held.Store(false)
		return nil, x.busyError()
	}
	return func() { x.held.Store(false) }, nil
}

// Tick is called about once a millisecond while the script runs.
func (r *scriptRun) Tick() error {
	s := r.w.srv
	if r.run.start.IsZero() {
		r.run.start = time.Now() // a millisecond late, which saves most scripts the look
	}
	if !r.run.slow {
		took, limit := time.Since(r.run.start), time.Duration(s.scripts.limitNS.Load())
		slow := limit > 0 && took >= limit
		if !r.long && (slow || took >= longScript) {
			r.long = true
			for _, a := range r.argv {
				r.words = append(r.words, string(a))
			}
			s.scripts.begin(&r.run)
		}
		if slow {
			s.scripts.becomeSlow(&r.run)
			s.log.Warn("slow script detected: still in execution", "script", r.name, "client", r.cl.addr)
		}
	}
	if r.run.slow && r.w.others != nil {
		r.w.others(r.cl)
	}
	if r.run.kill.Load() {
		return lua.ErrKilled
	}
	if s.scripts.ending.Load() && !r.run.wrote.Load() {
		return errEnding
	}
	return nil
}

// busyGate refuses commands while a script is over its limit.
func busyGate(r *Request) Verdict {
	x := &r.w.srv.scripts
	if x.busy.Load() == 0 || r.Spec.Flags&commands.AllowBusy != 0 || r.Spec.Name == "shutdown" {
		return Verdict{}
	}
	return refuse(x.busyError())
}

// busyError is what who wants to run meanwhile is told.
func (x *scripts) busyError() error {
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
func (x *scripts) longFunction() (name string, words []string, ms int64, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for r := range x.long {
		if r.run.function {
			return r.run.name, r.run.words, time.Since(r.start).Milliseconds(), true
		}
	}
	return "", nil, 0, false
}

// killLong ends scripts (or functions) that take long.
func (x *scripts) killLong(function bool) error {
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
