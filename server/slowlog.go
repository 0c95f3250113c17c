package server

import (
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"cached/commands"
)

// A slowlog keeps the commands that took longest lately.
type slowlog struct {
	thresholdNS atomic.Int64 // MaxInt64: off

	mu      sync.Mutex // guards what follows
	max     int
	nextID  int64
	entries []slowEntry // newest first
}

type slowEntry struct {
	id, unixS, us int64
	argv          []string
	addr, name    string
}

const (
	slowArgs     = 32  // words of a command that are kept
	slowArgBytes = 128 // bytes of a word that are kept
)

// configure sets the threshold in microseconds (negative: off) and the length.
func (l *slowlog) configure(us int64, length int) {
	if us < 0 || us > math.MaxInt64/1000 {
		l.thresholdNS.Store(math.MaxInt64)
	} else {
		l.thresholdNS.Store(us * 1000)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.max = length
	if len(l.entries) > length {
		l.entries = l.entries[:length]
	}
}

// add notes a command that took ns nanoseconds from nowMS on.
func (l *slowlog) add(r *Road, addr, name string, spec *commands.Spec, argv [][]byte, ns, nowMS int64) {
	e := slowEntry{unixS: nowMS / 1000, us: ns / 1000, addr: addr, name: name}
	for i, a := range argv {
		if i == slowArgs-1 && len(argv) > slowArgs {
			e.argv = append(e.argv, "... ("+strconv.Itoa(len(argv)-i)+" more arguments)")
			break
		}
		if r.isSecret(spec, argv, i) {
			e.argv = append(e.argv, "(redacted)")
		} else if len(a) > slowArgBytes {
			e.argv = append(e.argv, string(a[:slowArgBytes])+"... ("+strconv.Itoa(len(a)-slowArgBytes)+" more bytes)")
		} else {
			e.argv = append(e.argv, string(a))
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.max == 0 {
		return
	}
	e.id = l.nextID
	l.nextID++
	if len(l.entries) >= l.max {
		l.entries = l.entries[:l.max-1]
	}
	l.entries = append([]slowEntry{e}, l.entries...)
}

func (l *slowlog) get(n int) []slowEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n < 0 || n > len(l.entries) {
		n = len(l.entries)
	}
	return append([]slowEntry(nil), l.entries[:n]...)
}

func (l *slowlog) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries)
}

func (l *slowlog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}

// slowCommandNS is what the latency monitor's threshold is at least: what is
// faster need not ask for it.
const slowCommandNS = int64(time.Millisecond)

// noteSlow notes a command that took at least Road.slowNS. c is nil for one that a script
// has called.
func (s *Server) noteSlow(w *worker, c *client, spec *commands.Spec, argv [][]byte, took, start int64) {
	addr, name := "?:0", "" // Lua is a client without an address
	if c != nil {
		addr, name = c.addr, text(&c.shown.name)
		if took >= slowCommandNS {
			s.latency.note(latencyEvent(spec), took, s.unixMS(start))
		}
	}
	if took >= s.slow.thresholdNS.Load() && spec.Flags&commands.SkipSlowlog == 0 {
		s.slow.add(&s.Road, addr, name, spec, argv, took, s.unixMS(start))
	}
}

// latencyEvent is the kind of event that a slow command is.
func latencyEvent(spec *commands.Spec) string {
	if spec.Flags&commands.Fast != 0 {
		return "fast-command"
	}
	return "command"
}
