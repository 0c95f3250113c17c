package server

import (
	"fmt"

	"cached/commands"
	"cached/engine"
)

// A Replayer runs the commands of a log as if a client had sent them, without asking
// who may do what: they were run before. What they propagate goes nowhere, since no
// journal is told while it runs. It belongs to one goroutine.
type Replayer struct {
	w      *worker
	c      client
	held   *engine.Tx // holds the whole keyspace, or nil
	job    job        // the effect that is applied
	ahead  engine.Lookahead
	failed int64
	first  string // the first command that failed, and how
}

// Replayer returns one that begins with database 0. tx, if not nil, holds the whole
// keyspace.
func (s *Road) Replayer(tx *engine.Tx) *Replayer {
	r := &Replayer{w: newWorker(s), held: tx}
	r.c.srv, r.c.proto, r.c.authed = s, 2, true
	r.w.deaf = tx == nil // else nobody else runs, and clients hear what DEBUG LOADAOF does
	r.c.conn = nobody{}
	r.c.account.Store(s.std)
	r.w.tx.GivesUp = false // there is nobody to come back
	r.w.flush = func(*client) {}
	if tx != nil {
		r.c.mode |= inExec
		r.w.ctx.Tx = tx
	}
	return r
}

// nobody is the transport of a client that is not there.
type nobody struct{}

func (nobody) post(func(*worker, *client)) {}
func (nobody) resume()                     {}
func (nobody) gather()                     {}
func (nobody) untime(*waiter)              {}
func (nobody) outlet() outlet              { return nil }

// Failed is how many commands replied an error, and the first of them.
func (r *Replayer) Failed() (n int64, first string) { return r.failed, r.first }

// Key returns the key of a command that looks at no other and at nothing but keys, or
// nil. session is true of SELECT.
func (r *Replayer) Key(argv [][]byte) (key []byte, session bool, err error) {
	switch spec, _ := r.w.srv.table.Find(argv); {
	case spec == nil:
		return nil, false, noSuch(argv)
	case !spec.ArityOK(argv):
		return nil, false, nil
	case spec.Flags&commands.Write == 0:
		return nil, spec.Name == "select", nil
	default:
		return spec.OneKey(argv), false, nil
	}
}

func noSuch(argv [][]byte) error { return fmt.Errorf("unknown command '%s'", clip(argv[0], 128)) }

// Replay runs some commands. A command that does not exist ends it with an error.
func (r *Replayer) Replay(all [][][]byte) error {
	w := r.w
	w.tick()
	looking := r.held == nil && r.ahead.Worthwhile(w.srv.keys)
	for i, argv := range all {
		if looking && i%lookedAhead == 0 {
			r.lookAhead(all[i:min(i+lookedAhead, len(all))])
		}
		spec, _ := w.find(argv)
		if spec == nil {
			return noSuch(argv)
		}
		if err := r.run(spec, argv); err != nil {
			if r.failed++; r.failed == 1 {
				r.first = fmt.Sprintf("%s: %v", spec.FullName(), err)
			}
		}
		w.reply.B = w.reply.B[:0]
	}
	// Nobody hears of changes that were made before: hooks.active is zero while a log is loaded.
	w.due, w.ready = false, w.ready[:0]
	return nil
}

// lookedAhead is how many commands are looked ahead together.
const lookedAhead = engine.MaxLookahead

// lookAhead loads what commands with one key will look at.
func (r *Replayer) lookAhead(all [][][]byte) {
	for _, argv := range all {
		if spec, _ := r.w.find(argv); spec != nil {
			if key := spec.OneKey(argv); key != nil {
				r.ahead.Add(engine.Hash(key), false, spec.PartOf(argv))
			}
		}
	}
	r.ahead.Run(r.w.srv.keys, r.c.db())
}

func (r *Replayer) run(spec *commands.Spec, argv [][]byte) error {
	if !spec.ArityOK(argv) {
		return commands.WrongArity(spec.FullName())
	}
	j := &r.job
	*j = job{origin: FromStream, c: &r.c, spec: spec, argv: argv, db: r.c.db(), tx: r.held}
	if r.held == nil {
		j.tx, j.lock = &r.w.tx, true
	}
	_, err := r.w.run(j)
	return err
}
