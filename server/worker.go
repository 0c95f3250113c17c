package server

import (
	"time"

	"cached/commands"
	"cached/engine"
	"cached/internal/resp"
)

// flushAt is how many bytes of replies may gather before they are written in
// the middle of a batch.
const flushAt = 256 << 10

// A worker is what runs commands: one for each loop, used by its goroutine
// alone, so that nothing is allocated per command.
type worker struct {
	srv   *Road
	tx    engine.Tx
	evict engine.Tx // of what the memory limit throws out, between commands
	ctx   commands.Ctx
	asked Request // what the gates are asked about
	job   job     // the request that runs
	reply resp.Writer
	base  int // where the replies to the present client begin in reply.B
	batch batch
	next  *request // the one behind that which runs, if its commands may share a lock

	lastWord []byte // what find found last
	lastSpec *commands.Spec

	flush func(*client) // writes the replies from base on to the client

	lends lender // to other clients while a command takes long, or nil

	nowNS int64 // since Server.base, at the end of the last command
	ready []readyKey
	deaf  bool // nobody hears of what its commands change
	due   bool // the command that runs has left work for Subjects.After
	slots [placesMost]any

	feeding bool     // a client's batch of commands runs
	staged  []staged // published by it

	own    []byte // messages to the client whose command runs, for which they come behind its reply
	pushed bool   // the command's reply is a push, which CLIENT REPLY does not concern

	stats   []commandStat // by command number
	touched []int         // those of stats that are not zero
	samples []latencySample

	// Counted since the last publish.
	netIn, netOut, reads, writes, turns int64
}

// workerOfTx returns the worker whose command tx runs, or nil if there is none or nobody
// is to hear of what it changes.
func workerOfTx(tx *engine.Tx) *worker {
	if w, ok := tx.Owner.(*worker); ok && !w.deaf {
		return w
	}
	return nil
}

// pushOwn has b, a push to the client whose command runs, follow its reply.
func (w *worker) pushOwn(b []byte) {
	w.own = append(w.own, b...)
	w.due = true
}

// finish does what a command has left to be done now that its locks are released. What its
// client, c or nil, is pushed comes behind the reply: messages and events, and then
// invalidations.
func (w *worker) finish(c *client) {
	w.due = false
	for _, after := range w.srv.on.After {
		after(w, c)
		if len(w.own) > 0 {
			w.reply.B = append(w.reply.B, w.own...)
			w.own = w.own[:0]
		}
	}
}

func newWorker(s *Road) *worker {
	w := &worker{srv: s}
	w.batch.args = make([][]byte, 0, maxBatchArgs)
	w.ctx.Tx, w.ctx.Reply, w.ctx.Table = &w.tx, &w.reply, s.table
	w.job.tx = &w.tx
	w.tx.Owner, w.evict.Owner = w, w
	w.tx.GivesUp, w.evict.GivesUp = true, true // else a slow script would stop the loop
	w.samples = make([]latencySample, 0, 256)
	w.stats = make([]commandStat, s.table.Numbers())
	w.tick()
	return w
}

// tick reads the clock.
func (w *worker) tick() { w.nowNS = int64(time.Since(w.srv.base)) }

// nowMS is the time of the last tick in Unix milliseconds.
func (w *worker) nowMS() int64 { return w.srv.unixMS(w.nowNS) }

// unixMS turns nanoseconds since base into Unix milliseconds: the wall clock as
// cron last compared it, carried on by the monotonic one.
func (s *Road) unixMS(ns int64) int64 { return (s.wallNS.Load() + ns) / 1e6 }

// nowMS reads the clock.
func (s *Road) nowMS() int64 { return s.unixMS(int64(time.Since(s.base))) }

// begin makes the worker ready for a batch of a client's commands.
func (w *worker) begin(c *client) {
	w.tick()
	w.base = len(w.reply.B)
	w.reply.Proto = c.proto
	w.bound(c)
	setIfChanged(&c.shown.activeMS, w.nowMS())
}

// A lender gives what runs commands to other clients while one of them takes long.
type lender interface {
	// begin says that a command of a client begins that may take long, and what of its work can be
	// loosened at any moment, or nil.
	begin(c *client, d *engine.Division)
	// end says that it has ended. It waits until others have given back what they were lent.
	end()
}
