package effects

import (
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// An Effect is a command in a database.
type Effect struct {
	DB   int
	Argv [][]byte
}

// A Sink takes the stream as it grows.
type Sink interface {
	// Append takes complete effects: b begins at offset, the end of the effects before. It is called under the
	// stream's lock and those of shards. It must not keep b and must not call back; while it runs, no effect is
	// added to the stream.
	Append(offset int64, b []byte)
}

// A Stream is all effects, one behind the other. The zero Stream is ready and has no
// sinks: effects without a sink are neither encoded nor counted.
type Stream struct {
	sinks atomic.Pointer[[]Sink] // replaced as a whole, never changed; nil or empty without sinks
	end   atomic.Int64           // offset behind the last effect

	mu  sync.Mutex // guards the following, and changes of the fields above
	buf []byte     // the effects that are being passed on
	db  int        // the database of the last effect plus one, or 0: not known to all sinks
}

// keptBuffer is the largest buffer that is kept from one effect to the next.
const keptBuffer = 64 << 10

// Active reports whether there are sinks.
func (s *Stream) Active() bool {
	p := s.sinks.Load()
	return p != nil && len(*p) > 0
}

// End returns the offset behind the last effect.
func (s *Stream) End() int64 { return s.end.Load() }

// Attach adds a sink and returns the offset of the next effect, which is the first that
// the sink sees. The caller holds all locks of the keyspace, or knows that nothing
// changes. A sink is attached once.
func (s *Stream) Attach(sink Sink) (offset int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(append(s.list(), sink))
	s.db = 0
	return s.end.Load()
}

// Detach removes a sink, and returns the offset up to which it has seen everything. It may
// be called at any time.
func (s *Stream) Detach(sink Sink) (offset int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(slices.DeleteFunc(s.list(), func(x Sink) bool { return x == sink }))
	return s.end.Load()
}

// list is a copy of the sinks.
func (s *Stream) list() []Sink {
	if p := s.sinks.Load(); p != nil {
		return slices.Clone(*p)
	}
	return nil
}

func (s *Stream) set(sinks []Sink) { s.sinks.Store(&sinks) }

// Select has the next effect name its database, for a sink whose part begins there. The
// caller holds all locks of the keyspace.
func (s *Stream) Select() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.db = 0
}

// Append adds one effect in a database.
func (s *Stream) Append(db int, argv ...[]byte) {
	s.mu.Lock()
	if s.Active() {
		s.choose(db)
		s.buf = AppendCommand(s.buf, argv...)
		s.pass()
	}
	s.mu.Unlock()
}

// AppendAll adds effects that are to be seen whole or not at all, between MULTI and
// EXEC. No other effect comes between them.
func (s *Stream) AppendAll(all []Effect) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.Active() {
		return
	}
	s.buf = append(s.buf, Multi...)
	for _, e := range all {
		s.choose(e.DB)
		s.buf = AppendCommand(s.buf, e.Argv...)
	}
	s.buf = append(s.buf, Exec...)
	s.pass()
}

// Pass adds effects that are encoded already and begin with the choice of a database, as
// a primary has sent them. The caller holds the locks of the shards they were applied to.
func (s *Stream) Pass(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Active() {
		s.buf = append(s.buf, b...)
		s.pass()
	}
	s.db = 0
}

// pass passes encoded effects to the sinks.
func (s *Stream) pass() {
	at := s.end.Load()
	for _, sink := range *s.sinks.Load() {
		sink.Append(at, s.buf)
	}
	s.end.Store(at + int64(len(s.buf)))
	if cap(s.buf) > keptBuffer {
		s.buf = nil
	}
	s.buf = s.buf[:0]
}

// choose makes db the database of the next effect.
func (s *Stream) choose(db int) {
	if s.db != db+1 {
		s.db = db + 1
		s.buf = AppendSelect(s.buf, db)
	}
}

// The words around effects that belong together.
const (
	Multi = "*1\r\n$5\r\nMULTI\r\n"
	Exec  = "*1\r\n$4\r\nEXEC\r\n"
)

// AppendCommand appends a command as the stream has it.
func AppendCommand(b []byte, argv ...[]byte) []byte {
	b = AppendHead(b, len(argv))
	for _, a := range argv {
		b = AppendWord(b, a)
	}
	return b
}

// AppendHead appends the head of a command of the given number of words, which AppendWord appends.
func AppendHead(b []byte, words int) []byte { return appendHead(b, '*', words) }

// AppendWord appends a word of a command.
func AppendWord(b, word []byte) []byte {
	b = appendHead(b, '$', len(word))
	b = append(b, word...)
	return append(b, '\r', '\n')
}

// AppendSelect appends the command that makes db the database of the following commands.
func AppendSelect(b []byte, db int) []byte {
	var number [20]byte
	return AppendCommand(b, []byte("SELECT"), strconv.AppendInt(number[:0], int64(db), 10))
}

func appendHead(b []byte, kind byte, n int) []byte {
	b = append(b, kind)
	if n < 10 {
		b = append(b, byte('0'+n))
	} else {
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return append(b, '\r', '\n')
}
