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

// A running is a script that runs, as others see it.
type running struct {
	run   *scriptRun
	start time.Time
	wrote atomic.Bool
	kill  atomic.Bool
	slow  atomic.Bool // over the limit
}

// scripts are the scripts that run now. Those over busy-reply-threshold make every
// loop refuse what is not allowed meanwhile.
type scripts struct {
	srv     *Server
	cache   *scriptCache
	limitNS atomic.Int64
	busy    atomic.Int32 // of all: over the limit

	mu  sync.Mutex // guards all
	all map[*running]struct{}
}

func (x *scripts) begin(r *running, run *scriptRun) {
	r.run, r.start = run, time.Now()
	x.mu.Lock()
	x.all[r] = struct{}{}
	x.mu.Unlock()
}

func (x *scripts) end(r *running) {
	x.mu.Lock()
	delete(x.all, r)
	x.mu.Unlock()
	if r.slow.Load() && x.busy.Add(-1) == 0 {
		x.srv.keys.GiveUp(false)
		// Another may have become slow just now.
		x.srv.keys.GiveUp(x.busy.Load() > 0)
	}
}

// Tick is called about once a millisecond while the script runs.
func (r *scriptRun) Tick() error {
	s := r.w.srv
	if !r.run.slow.Load() {
		if limit := s.scripts.limitNS.Load(); limit <= 0 || int64(time.Since(r.run.start)) < limit {
			return nil
		}
		r.run.slow.Store(true)
		s.gated.Store(true)
		s.scripts.busy.Add(1)
		s.keys.GiveUp(true) // who waits for its locks is told BUSY as well
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
	for r := range x.all {
		if r.run.function && r.slow.Load() {
			return errBusyFunction
		}
	}
	return errBusyScript
}

// slowFunction is the function that is over the limit, or nil, and how long it runs.
func (x *scripts) slowFunction() (*scriptRun, int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for r := range x.all {
		if r.run.function && r.slow.Load() {
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
	for r := range x.all {
		if r.run.function != function || !r.slow.Load() {
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
	for r := range x.all {
		if r.run.function == function && r.slow.Load() {
			r.kill.Store(true)
		}
	}
	return nil
}
