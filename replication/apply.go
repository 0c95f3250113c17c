package replication

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"cached/internal/effects"
	"cached/internal/resp"
)

// streamLimits bound the commands of a primary, which has checked them itself.
var streamLimits = resp.Limits{BulkBytes: 1 << 31, Args: 1 << 30}

// A stream is what a primary sends behind the snapshot, on its way to the keyspace.
type stream struct {
	l       *link
	applier Applier
	open    []byte     // the transaction that has begun, from MULTI on, or nil
	all     [][][]byte // its commands
	failed  map[string]bool
}

var errStream = errors.New("the primary's stream is no sequence of commands")

// apply applies what comes, until the link ends.
func (l *link) apply(src io.Reader, db int) error {
	s := &stream{l: l, applier: l.r.newApplier(l.ended.Load), failed: map[string]bool{}}
	s.applier.SetDB(db)
	stop := l.acknowledge()
	defer stop()
	if err := l.ack(); err != nil { // at once: only then the primary sends more
		return err
	}
	var parser resp.Parser
	var args [][]byte
	buf, r, w := make([]byte, 256<<10), 0, 0
	for {
		n, err := src.Read(buf[w:])
		if w += n; err != nil && n == 0 {
			return err
		}
		for r < w {
			argv, n, err := parser.Next(buf[r:w], args, streamLimits)
			if err != nil {
				return fmt.Errorf("%w: %w", errStream, err)
			}
			if n == 0 {
				break
			}
			args = argv
			if err := s.take(argv, buf[r:r+n]); err != nil {
				return err
			}
			if l.ended.Load() {
				return nil
			}
			r += n
		}
		switch need := parser.Need(buf[r:w]); {
		case r == w:
			r, w = 0, 0
		case w == len(buf) || need > len(buf)-r:
			to := buf
			if most := max(need, 2*(w-r)); most > len(buf) {
				// As much again as has come, not as much as is promised.
				to = make([]byte, min(most, max(4*(w-r), 2*len(buf))))
			}
			w = copy(to, buf[r:w])
			buf, r = to, 0
		}
	}
}

// take takes one command of the stream, raw as it came.
func (s *stream) take(argv [][]byte, raw []byte) error {
	if len(argv) == 0 { // an empty line
		s.pass(raw)
		return nil
	}
	if raw[0] != '*' {
		return fmt.Errorf("%w: it has the line %.100q", errStream, raw)
	}
	name := argv[0]
	is := func(word string) bool { return len(name) == len(word) && bytes.EqualFold(name, []byte(word)) }
	switch {
	case s.open != nil && is("exec"):
		return s.exec(raw)
	case s.open != nil:
		s.all = append(s.all, clone(argv))
		s.open = append(s.open, raw...)
		return nil
	case is("multi"):
		s.open, s.all = append([]byte{}, raw...), s.all[:0]
		return nil
	case is("ping"):
		s.pass(raw)
		return nil
	case is("replconf"):
		s.pass(raw)
		if len(argv) > 1 && bytes.EqualFold(argv[1], []byte("getack")) {
			return s.l.ack()
		}
		return nil
	}
	done := false
	err := s.applier.Apply(argv, func(db int) {
		done = true
		s.place(raw, db)
		if s.l.r.disk.Logs() && logged(name) {
			s.l.r.relayed.Add(1)
			s.l.r.stream.Append(db, argv...)
		}
	})
	if !done && !s.l.ended.Load() {
		s.pass(raw) // it has its place in the stream all the same
	}
	s.note(argv, err)
	return nil
}

// logged reports whether a command belongs into the log of this server.
func logged(name []byte) bool {
	switch lower(name) {
	case "select", "publish", "spublish":
		return false
	}
	return true
}

// exec applies the transaction that has come to its end.
func (s *stream) exec(raw []byte) error {
	whole := append(s.open, raw...)
	s.open = nil
	r := s.l.r
	var log []effects.Effect
	placed := false
	err := s.applier.ApplyAll(s.all, func(i, db int) {
		if r.disk.Logs() && logged(s.all[i][0]) {
			log = append(log, effects.Effect{DB: db, Argv: s.all[i]})
		}
		if i < len(s.all)-1 {
			return
		}
		placed = true
		s.place(whole, db)
		if len(log) > 0 {
			r.relayed.Add(1)
			r.stream.AppendAll(log)
		}
	})
	if !placed && !s.l.ended.Load() {
		s.pass(whole)
	}
	if err != nil {
		s.note(s.all[0], err)
	}
	s.all = s.all[:0]
	return nil
}

// pass passes on what changes nothing.
func (s *stream) pass(raw []byte) {
	if r := s.l.r; !s.l.ended.Load() {
		r.backlog.write(raw)
	}
}

// place notes that bytes of the stream were applied, under whose locks it is called.
func (s *stream) place(raw []byte, db int) {
	r := s.l.r
	r.backlog.write(raw)
	if now := s.applier.DB(); now != db || r.position.db != now {
		r.mu.Lock()
		r.position.db = now
		r.mu.Unlock()
	}
}

// note tells of a command that could not be applied: once for each name.
func (s *stream) note(argv [][]byte, err error) {
	if err == nil || s.l.ended.Load() {
		return
	}
	name := string(bytes.ToLower(argv[0]))
	if s.failed[name] || len(s.failed) > 100 {
		return
	}
	s.failed[name] = true
	s.l.r.log.Error("== CRITICAL == a command of the primary could not be applied: the data differs from now on", "command", name, "error", err)
}

func clone(argv [][]byte) [][]byte {
	words := make([][]byte, len(argv))
	for i, a := range argv {
		words[i] = append([]byte(nil), a...)
	}
	return words
}

// ack tells the primary how far this replica has come.
func (l *link) ack() error {
	words := []string{"REPLCONF", "ACK", strconv.FormatInt(l.r.backlog.offset(), 10)}
	if l.r.disk.Logs() {
		words = append(words, "FACK", strconv.FormatInt(l.r.fsynced(), 10))
	}
	return l.write(request(words...))
}

// acknowledge does so each second until stop is called.
func (l *link) acknowledge() (stop func()) { return eachSecond(func() bool { return l.ack() == nil }) }
