package server

import (
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"cached/commands"
	"cached/internal/config"
)

// A logKind is one of the logs of COMMANDLOG.
type logKind uint8

// The kinds. SLOWLOG shows the first.
const (
	slowCommands  logKind = iota // by the time they took, in microseconds
	largeRequests                // by the bytes that came
	largeReplies                 // by the bytes of the reply
	numLogs
)

// logKinds are the names that COMMANDLOG knows the kinds by.
var logKinds = [numLogs]string{"slow", "large-request", "large-reply"}

// A slowlog keeps the commands that took longest lately, and the largest.
type slowlog struct {
	thresholdNS atomic.Int64 // MaxInt64: off
	requestFrom atomic.Int64 // bytes; MaxInt64: off
	replyFrom   atomic.Int64 // bytes; MaxInt64: off

	logs [numLogs]commandLog
}

// A commandLog keeps commands of one kind.
type commandLog struct {
	mu      sync.Mutex // guards what follows
	max     int
	nextID  int64
	entries []slowEntry // newest first
}

type slowEntry struct {
	id, unixS int64
	amount    int64 // microseconds, or bytes
	argv      []string
	addr      string
	name      string
}

const (
	slowArgs     = 32  // words of a command that are kept
	slowArgBytes = 128 // bytes of a word that are kept
)

// configure sets the threshold in microseconds (negative: off) and the lengths.
func (l *slowlog) configure(us, requestBytes, replyBytes int64, lengths [numLogs]int) {
	if us < 0 || us > math.MaxInt64/1000 {
		l.thresholdNS.Store(math.MaxInt64)
	} else {
		l.thresholdNS.Store(us * 1000)
	}
	from := func(bytes int64) int64 {
		if bytes < 0 {
			return math.MaxInt64
		}
		return bytes
	}
	l.requestFrom.Store(from(requestBytes))
	l.replyFrom.Store(from(replyBytes))
	for i := range l.logs {
		l.logs[i].resize(lengths[i])
	}
}

func (l *commandLog) resize(length int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.max = length
	if len(l.entries) > length {
		l.entries = l.entries[:length]
	}
}

// add notes a command that took ns nanoseconds from nowMS on.
func (l *slowlog) add(r *Road, addr, name string, spec *commands.Spec, argv [][]byte, ns, nowMS int64) {
	l.logs[slowCommands].add(slowEntry{unixS: nowMS / 1000, amount: ns / 1000, addr: addr, name: name}, r, spec, argv)
}

// addLarge notes a command whose request or reply of so many bytes is large.
func (l *slowlog) addLarge(r *Road, addr, name string, spec *commands.Spec, argv [][]byte, request, reply int, nowMS int64) {
	e := slowEntry{unixS: nowMS / 1000, addr: addr, name: name}
	if int64(request) >= l.requestFrom.Load() {
		e.amount = int64(request)
		l.logs[largeRequests].add(e, r, spec, argv)
	}
	if int64(reply) >= l.replyFrom.Load() {
		e.amount = int64(reply)
		l.logs[largeReplies].add(e, r, spec, argv)
	}
}

// add keeps an entry with the words of its command, shortened, and without passwords.
func (l *commandLog) add(e slowEntry, r *Road, spec *commands.Spec, argv [][]byte) {
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

func (l *commandLog) get(n int) []slowEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n < 0 || n > len(l.entries) {
		n = len(l.entries)
	}
	return append([]slowEntry(nil), l.entries[:n]...)
}

func (l *commandLog) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries)
}

func (l *commandLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}

// requestBytes is how long a command is as clients send it.
func requestBytes(argv [][]byte) (n int) {
	head := func(n int) int { return 3 + decimalDigits(n) } // a mark, the number, the end of the line
	n = head(len(argv))
	for _, a := range argv {
		n += head(len(a)) + len(a) + 2
	}
	return n
}

// decimalDigits is how many digits a number has that is not negative.
func decimalDigits(n int) (d int) {
	for d = 1; n >= 10; d++ {
		n /= 10
	}
	return d
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

// setCommandLog takes over the directives of the logs.
func (s *Server) setCommandLog(*config.Value) error {
	n := func(name string) int64 { return s.cfg.Value(name).Int() }
	s.slow.configure(n("slowlog-log-slower-than"), n("commandlog-request-larger-than"), n("commandlog-reply-larger-than"),
		[numLogs]int{int(n("slowlog-max-len")), int(n("commandlog-large-request-max-len")), int(n("commandlog-large-reply-max-len"))})
	s.slowNS.Store(min(s.slow.thresholdNS.Load(), slowCommandNS))
	s.setSizeFrom()
	return nil
}

// setSizeFrom says from how many bytes on noteSized wants to hear of commands: of all of
// them while keys are watched for HOTKEYS.
func (s *Server) setSizeFrom() {
	from := min(s.slow.requestFrom.Load(), s.slow.replyFrom.Load())
	if s.hot.watching.Load() {
		from = 0
	}
	s.sizeFrom.Store(from)
}

// noteSized notes a command of which the request or the reply is large, or any while keys are
// watched.
func (s *Server) noteSized(w *worker, c *client, spec *commands.Spec, argv [][]byte, took, start int64, request, reply int) {
	if s.hot.watching.Load() && !s.hot.note(c.db(), spec, argv, took, int64(request+reply), s.unixMS(start+took)) {
		s.watchKeys() // nobody does any more
	}
	if spec.Flags&commands.SkipSlowlog == 0 {
		s.slow.addLarge(&s.Road, c.addr, text(&c.shown.name), spec, argv, request, reply, s.unixMS(start))
	}
}
