package server

import (
	"sync"
	"sync/atomic"
	"time"

	"cached/commands"
	"cached/internal/lua"
)

const (
	errBusyScript   = commands.Error("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.")
	errBusyFunction = commands.Error("BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.")
	errNotBusy      = commands.Error("NOTBUSY No scripts in execution right now.")
	errUnkillable   = commands.Error("UNKILLABLE Sorry the script already executed write commands against the dataset. " +
		"You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.")
)

// A running is a script that runs, as others see it once it is slow.
type running struct {
	run   *scriptRun
	start time.Time
	wrote atomic.Bool
	kill  atomic.Bool
}

// scripts knows the scripts that are slow: over busy-reply-threshold. They make every
// loop refuse what is not allowed meanwhile.
type scripts struct {
	srv     *Server
	cache   *scriptCache
	limitNS atomic.Int64
	busy    atomic.Int32 // how many there are

	mu   sync.Mutex // guards slow
	slow map[*running]struct{}
}

// begin adds a script that has become slow.
func (x *scripts) begin(r *running) {
	x.mu.Lock()
	x.slow[r] = struct{}{}
	x.mu.Unlock()
	x.busy.Add(1)
	x.srv.setGated()
	x.srv.keys.GiveUp(true) // who waits for its locks is told BUSY as well
}

// end forgets a script that was slow.
func (x *scripts) end(r *running) {
	x.mu.Lock()
	delete(x.slow, r)
	x.mu.Unlock()
	if x.busy.Add(-1) == 0 {
		x.srv.setGated()
		x.srv.keys.GiveUp(false)
		// Another may have become slow just now.
		x.srv.keys.GiveUp(x.busy.Load() > 0)
	}
}

// Tick is called about once a millisecond while the script runs.
func (r *scriptRun) Tick() error {
	s := r.w.srv
	if !r.slow {
		if r.run.start.IsZero() {
			r.run.start = time.Now() // a millisecond late, which saves most scripts the look
		}
		if limit := s.scripts.limitNS.Load(); limit <= 0 || int64(time.Since(r.run.start)) < limit {
			return nil
		}
		r.slow = true
		for _, a := range r.argv {
			r.words = append(r.words, string(a))
		}
		s.scripts.begin(&r.run)
		s.log.Warn("slow script detected: still in execution", "script", r.name, "client", r.cl.addr)
	}
	if r.w.others != nil {
		r.w.others(r.cl)
	}
	if r.run.kill.Load() {
		return lua.ErrKilled
	}
	return nil
}

// busyGate refuses commands while a script is over its limit.
func busyGate(w *worker, c *client, spec *commands.Spec, _ commands.Flag) error {
	x := &w.srv.scripts
	if x.busy.Load() == 0 || spec.Flags&commands.AllowBusy != 0 || spec.Name == "shutdown" {
		return nil
	}
	return x.busyError()
}

// busyError is what who wants to run meanwhile is told.
func (x *scripts) busyError() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for r := range x.slow {
		if r.run.function {
			return errBusyFunction
		}
	}
	return errBusyScript
}

// slowFunction is the function that is over the limit, or nil, and how long it runs.
func (x *scripts) slowFunction() (*scriptRun, int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for r := range x.slow {
		if r.run.function {
			return r.run, time.Since(r.start).Milliseconds()
		}
	}
	return nil, 0
}

// killSlow ends scripts (or functions) that are over the limit.
func (x *scripts) killSlow(function bool) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.busy.Load() == 0 {
		return errNotBusy
	}
	found := false
	for r := range x.slow {
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
	for r := range x.slow {
		if r.run.function == function {
			r.kill.Store(true)
		}
	}
	return nil
}
