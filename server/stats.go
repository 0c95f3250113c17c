package server

import (
	"strings"
	"sync"
	"sync/atomic"

	"cached/commands"
)

// A commandStat counts the runs of one command.
type commandStat struct {
	calls, ns, rejected, failed int64
}

// totals are the statistics of all workers, as far as they have published them.
type totals struct {
	mu       sync.Mutex // guards what follows
	commands []commandStat
	errors   map[string]int64 // by code, at most maxErrorCodes
	calls    atomic.Int64     // commands run
	replies  atomic.Int64     // of them errors
}

// maxErrorCodes bounds how many codes of errors are counted apart.
const maxErrorCodes = 128

func (t *totals) init(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.commands = make([]commandStat, n)
	t.errors = make(map[string]int64)
	t.calls.Store(0)
	t.replies.Store(0)
}

// stat returns the worker's own counters of a command, to be published later.
func (w *worker) stat(spec *commands.Spec) *commandStat {
	st := &w.stats[spec.Number()]
	if *st == (commandStat{}) {
		w.touched = append(w.touched, spec.Number())
	}
	return st
}

// publish adds what the worker has counted to the totals.
func (w *worker) publish() {
	if len(w.touched) == 0 {
		return
	}
	t := &w.srv.totals
	calls := int64(0)
	t.mu.Lock()
	for _, n := range w.touched {
		st, sum := &w.stats[n], &t.commands[n]
		sum.calls += st.calls
		sum.ns += st.ns
		sum.rejected += st.rejected
		sum.failed += st.failed
		calls += st.calls
		*st = commandStat{}
	}
	t.mu.Unlock()
	t.calls.Add(calls)
	w.touched = w.touched[:0]
}

// countError counts an error reply by its code.
func (s *Server) countError(text string) {
	code, _, _ := strings.Cut(text, " ")
	t := &s.totals
	t.replies.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.errors[code]; ok || len(t.errors) < maxErrorCodes {
		t.errors[code]++
	}
}
