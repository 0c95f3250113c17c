package server

import (
	"math/bits"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"cached/commands"
	"cached/internal/stats"
)

// A commandStat counts the runs of one command.
type commandStat struct {
	calls, ns, rejected, failed int64
}

// latencies counts runs by their duration: four buckets for each doubling of
// nanoseconds.
type latencies [4 * 44]int64

func latencyBucket(ns int64) uint16 {
	n := uint64(max(ns, 4))
	top := bits.Len64(n) - 1
	return uint16(min(4*(top-2)+int(n>>(top-2)&3), len(latencies{})-1))
}

// bucketNS is the upper end of a bucket, in nanoseconds.
func bucketNS(i int) int64 { return (int64(i%4)+5)<<(i/4) - 1 }

// percentile returns the duration in nanoseconds that p percent of the runs did
// not exceed.
func (h *latencies) percentile(p float64) int64 {
	total := int64(0)
	for _, n := range h {
		total += n
	}
	left := int64(p/100*float64(total) + 0.5)
	for i, n := range h {
		left -= n
		if left <= 0 && n > 0 {
			return bucketNS(i)
		}
	}
	return 0
}

// A latencySample is one run that was not published yet.
type latencySample struct{ command, bucket uint16 }

// totals are the statistics of all workers, as far as they have published them.
type totals struct {
	mu        sync.Mutex // guards the following
	commands  []commandStat
	latencies []*latencies     // by command number; nil for those that never ran
	errors    map[string]int64 // by code, at most maxErrorCodes

	calls    atomic.Int64 // commands run
	replies  atomic.Int64 // of them errors
	reads    atomic.Int64 // from sockets
	writes   atomic.Int64 // to them
	netIn    atomic.Int64 // bytes read
	netOut   atomic.Int64 // bytes written
	turns    atomic.Int64 // of event loops
	beforeNS atomic.Int64 // how long event loops had been busy at the last CONFIG RESETSTAT
}

// maxErrorCodes bounds how many codes of errors are counted apart.
const maxErrorCodes = 128

func (t *totals) init(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.commands = make([]commandStat, n)
	t.latencies = make([]*latencies, n)
	t.errors = make(map[string]int64)
	t.calls.Store(0)
	t.replies.Store(0)
	t.reads.Store(0)
	t.writes.Store(0)
	t.netIn.Store(0)
	t.netOut.Store(0)
	t.turns.Store(0)
}

// stat returns the worker's own counters of a command, to be published later.
func (w *worker) stat(spec *commands.Spec) *commandStat {
	st := &w.stats[spec.Number()]
	if *st == (commandStat{}) {
		w.touched = append(w.touched, spec.Number())
	}
	return st
}

// ran counts a run of a command that took ns nanoseconds.
func (w *worker) ran(spec *commands.Spec, st *commandStat, ns int64) {
	st.calls++
	st.ns += ns
	if w.srv.tracksLatency.Load() {
		if len(w.samples) == cap(w.samples) {
			w.publish()
		}
		w.samples = append(w.samples, latencySample{uint16(spec.Number()), latencyBucket(ns)})
	}
}

// publish adds the worker's counters to the totals.
func (w *worker) publish() {
	t := &w.srv.totals
	if w.netIn != 0 || w.netOut != 0 {
		t.netIn.Add(w.netIn)
		t.netOut.Add(w.netOut)
		t.reads.Add(w.reads)
		t.writes.Add(w.writes)
		t.turns.Add(w.turns)
		w.netIn, w.netOut, w.reads, w.writes, w.turns = 0, 0, 0, 0, 0
	}
	if len(w.touched) == 0 {
		return
	}
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
	for _, l := range w.samples {
		h := t.latencies[l.command]
		if h == nil {
			h = new(latencies)
			t.latencies[l.command] = h
		}
		h[l.bucket]++
	}
	t.mu.Unlock()
	t.calls.Add(calls)
	w.touched, w.samples = w.touched[:0], w.samples[:0]
}

// commandNS is how many nanoseconds all commands took.
func (t *totals) commandNS() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	ns := int64(0)
	for i := range t.commands {
		ns += t.commands[i].ns
	}
	return ns
}

// countError counts an error reply by its code.
func (s *Road) countError(text string) {
	code, _, _ := strings.Cut(text, " ")
	t := &s.totals
	t.replies.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.errors[code]; ok || len(t.errors) < maxErrorCodes {
		t.errors[code]++
	}
}

// eachCommand visits the commands that ran or were refused, in the order of
// their names. h is nil if no latency was recorded.
func (t *totals) eachCommand(tables []*commands.Table, visit func(name string, st *commandStat, h *latencies)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var walk func(spec *commands.Spec)
	walk = func(spec *commands.Spec) {
		if st := &t.commands[spec.Number()]; *st != (commandStat{}) {
			visit(spec.FullName(), st, t.latencies[spec.Number()])
		}
		for i := range spec.Sub {
			walk(&spec.Sub[i])
		}
	}
	for _, table := range tables {
		for _, spec := range table.All() {
			walk(spec)
		}
	}
}

type errorCount struct {
	code  string
	count int64
}

// errorCounts returns how often each code of errors was replied, by code.
func (t *totals) errorCounts() (all []errorCount) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for code, n := range t.errors {
		all = append(all, errorCount{code, n})
	}
	slices.SortFunc(all, func(a, b errorCount) int { return strings.Compare(a.code, b.code) })
	return all
}

// A countedError is one that has been counted where it happened.
type countedError struct{ is commands.Error }

func (e countedError) Error() string { return string(e.is) }
func (e countedError) Unwrap() error { return e.is }

// rowOfCommand is the row of a command among others.
func rowOfCommand(family, name string) stats.Row {
	return stats.Row{Family: family, Name: family + "_" + name, Labels: []stats.Label{{Name: "command", Value: name}}}
}
