package server

import (
	"time"

	"cached/engine"
)

// A command whose locks others hold does not wait for them on its loop, which has other
// clients. Its client is parked with the command, and what it has sent behind that, still
// unread in its input, and takes a place in the queue of the lock (engine/wait.go). When the lock
// may be free, the client goes on with the same command, as if it had come just now: gates
// are asked again.

// awaitLock parks a client until the lock that its command could not get may be free.
func (w *worker) awaitLock(c *client) {
	if c.ticket == nil {
		c.ticket = &engine.Ticket{Wake: func() { c.conn.post(tryAgain) }}
	}
	c.halted |= parked
	w.tx.Await(c.ticket)
}

// tryAgain has a parked client go on.
func tryAgain(_ *worker, c *client) {
	if c.halted&parked != 0 {
		c.halted &^= parked
		c.conn.resume()
	}
}

// leaveQueue takes a client that has gone out of the queue of a lock.
func (c *client) leaveQueue() {
	if c.ticket != nil {
		c.ticket.Done()
	}
}

// awaitLockOf has all that wait for a key served when the lock that one of them could not
// get may be free. Each loop tries, so that it does not matter which of them are still
// there; they are served in the order of their coming, as always.
func (w *worker) awaitLockOf(k readyKey) {
	s := w.srv
	t := &engine.Ticket{}
	t.Wake = func() {
		for _, wt := range s.block.waitersOf(k) {
			wt.c.conn.post(func(w *worker, c *client) {
				if c.waiting == wt {
					w.ready = append(w.ready, k)
					w.serveReady()
				}
			})
		}
		if wt := s.block.firstOf(k); wt != nil {
			s.block.lookLater(wt, k)
		}
	}
	w.tx.Await(t)
}

// loosenAfter is how long a script or a transaction holds the shards of its keys before
// it lets others use them for other keys.
const loosenAfter = 2 * time.Millisecond
