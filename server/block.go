package server

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cached/commands"
	"cached/engine"
	"cached/engine/value"
	"cached/internal/resp"
)

// A waiter is a client that waits for one of some keys to change. Whoever moves
// its state from waiting may complete it: a worker that changed a key serves it,
// its own loop ends it when its time is over or its connection is.
type waiter struct {
	c          *client
	spec       *commands.Spec
	argv       [][]byte // a copy: the read buffer goes on
	db         int
	keys       []string
	deadlineMS int64 // 0: none
	timeout    func(*resp.Writer)
	state      atomic.Int32
	timed      bool         // the client's owner has a timer for it
	timerAt    int          // of a loop: its place in the heap of timers, from 1 on, or 0
	timer      *time.Timer  // of a client without a loop
	resumed    any          // what Background was given
	logged     int64        // how far the log must have come for the reply
	again      bool         // during a run of serve: the command still has to wait
	tookNS     atomic.Int64 // what the command has taken so far, without the waiting

	inLine bool        // it waits in the lines of its keys: see line
	over   atomic.Bool // its time is over: it runs once more, to reply
	missed atomic.Bool // somebody wanted it to be looked at while it was
}

const (
	waiting int32 = iota
	serving
	done
)

// A readyKey is a key that was changed while somebody waited for it.
type readyKey struct {
	db  int
	key string
}

// A blocker knows who waits for which key, in the order of their coming.
type blocker struct {
	road  *Road
	count atomic.Int32 // waiters with keys; 0 keeps the hook cheap
	all   atomic.Int32 // clients that wait for anything
	lined atomic.Int32 // those of them that wait in lines
	timed atomic.Int32 // those of them that do not wait for ever

	mu        sync.Mutex // guards what follows
	queue     map[readyKey][]*waiter
	lines     map[readyKey]*line
	postponed []postponed
}

// A postponed is a waiter that could not be served for the locks of a slow script.
type postponed struct {
	wt  *waiter
	key []byte // as for serve
}

// Block parks the client of a command that runs now, or, when serve runs the
// command again, leaves it parked.
func (c *client) Block(ctx *commands.Ctx, keys [][]byte, deadlineMS int64, timeout func(*resp.Writer)) bool {
	if c.mode&inExec != 0 {
		return false
	}
	if w := c.waiting; w != nil {
		w.again = true
		return true
	}
	c.park(ctx, keys, &waiter{deadlineMS: deadlineMS, timeout: timeout})
	c.shown.blocked.Store(true)
	return true
}

// park makes the client wait by w.
func (c *client) park(ctx *commands.Ctx, keys [][]byte, w *waiter) {
	w.c, w.spec, w.db = c, ctx.Spec, c.db()
	words := int64(0)
	for _, a := range ctx.Argv {
		w.argv = append(w.argv, append([]byte(nil), a...))
		words += int64(len(a))
	}
	c.shown.argv.Store(words)
	for _, k := range keys {
		w.keys = append(w.keys, string(k))
		c.keeps(len(k))
	}
	c.waiting = w
	c.srv.block.add(w)
}

// Background parks the client of a command until work is done; the command then
// runs again on the client's loop. CLIENT UNBLOCK does not concern it.
func (c *client) Background(ctx *commands.Ctx, state any, work func()) bool {
	if c.mode&inExec != 0 {
		return false
	}
	if c.waiting != nil {
		c.waiting.again = true
	} else {
		c.park(ctx, nil, new(waiter))
	}
	wt := c.waiting
	wt.resumed = state
	go func() {
		work()
		c.conn.post(func(w *worker, c *client) {
			if c.waiting == wt {
				w.serveSoon(wt)
			}
		})
	}()
	return true
}

func (b *blocker) add(w *waiter) {
	b.all.Add(1)
	if w.deadlineMS > 0 {
		b.timed.Add(1)
	}
	if len(w.keys) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count.Add(1)
	w.c.srv.hooks.active.Add(1)
	if w.inLine {
		b.joinLines(w)
		return
	}
	for _, k := range w.keys {
		at := readyKey{w.db, k}
		b.queue[at] = append(b.queue[at], w)
	}
}

// remove takes a waiter whose state is done out of the queues.
func (b *blocker) remove(w *waiter) {
	b.all.Add(-1)
	if w.deadlineMS > 0 {
		b.timed.Add(-1)
	}
	if len(w.keys) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count.Add(-1)
	w.c.srv.hooks.active.Add(-1)
	if w.inLine {
		b.leaveLines(w)
		return
	}
	for _, k := range w.keys {
		at := readyKey{w.db, k}
		q := b.queue[at]
		for i, x := range q {
			if x == w {
				if i == 0 { // as a rule: who came first is served first
					q[0] = nil
					q = q[1:]
				} else {
					q = slices.Delete(q, i, i+1)
				}
				break
			}
		}
		if len(q) == 0 {
			delete(b.queue, at)
		} else {
			b.queue[at] = q
		}
	}
}

func (b *blocker) waitersOf(k readyKey) []*waiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]*waiter(nil), b.queue[k]...)
}

// keys is how many keys are waited for, and how many of them by somebody who also
// wants to know when they go.
func (b *blocker) keys() (n, gone int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, q := range b.queue {
		if slices.ContainsFunc(q, func(w *waiter) bool { return w.spec.Name == "xreadgroup" }) {
			gone++
		}
	}
	return len(b.queue) + len(b.lines), gone
}

// changed notes a key that somebody waits for.
func (b *blocker) changed(tx *engine.Tx, key []byte) {
	if b.count.Load() == 0 {
		return
	}
	w := workerOfTx(tx)
	if w == nil {
		return
	}
	b.mu.Lock()
	_, waited := b.queue[readyKey{tx.DB, string(key)}]
	if !waited && len(b.lines) > 0 {
		_, waited = b.lines[readyKey{tx.DB, string(key)}]
	}
	b.mu.Unlock()
	if waited {
		w.ready = append(w.ready, readyKey{tx.DB, string(key)})
	}
}

// replaced has everybody look again who waits for a key of a database of which
// all keys have come or gone.
func (b *blocker) replaced(tx *engine.Tx, in func(db int) bool) {
	w := workerOfTx(tx)
	if w == nil || b.count.Load() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for k := range b.queue {
		if in(k.db) {
			w.ready = append(w.ready, k)
		}
	}
	for k := range b.lines {
		if in(k.db) {
			w.ready = append(w.ready, k)
		}
	}
}

// serveReady runs the commands of clients that wait for keys changed by the
// last command, first come first served, until there is nothing left for them.
// What they change may make further keys ready.
func (w *worker) serveReady() {
	for len(w.ready) > 0 {
		ready := w.ready
		w.ready = nil
		for _, k := range ready {
			for _, wt := range w.srv.block.waitersOf(k) {
				if !w.serve(wt, []byte(k.key)) {
					if w.serveLocked(wt, k) {
						break // those behind it stay behind it
					}
				}
			}
			if wt := w.srv.block.firstOf(k); wt != nil && !w.serve(wt, []byte(k.key)) {
				w.serveLocked(wt, k)
			}
		}
	}
}

// serveLocked has a waiter whose locks others hold served when that is over. It reports
// whether the key is looked at again as a whole.
func (w *worker) serveLocked(wt *waiter, k readyKey) bool {
	if !w.srv.keys.GivingUp() {
		w.awaitLockOf(k)
		return true
	}
	w.srv.block.later(wt, []byte(k.key))
	return false
}

// serve runs a waiter's command again. The waiter goes back to waiting while the
// locks are still held: whoever changes a key later finds it there. A key that
// holds another type than the command takes from is no reason to wake up. It reports false
// if others hold the locks.
func (w *worker) serve(wt *waiter, key []byte) (locked bool) {
	if !wt.state.CompareAndSwap(waiting, serving) && !w.serveLater(wt) {
		return true
	}
	out := w.reply
	w.reply = resp.Writer{Proto: int(wt.c.shown.proto.Load())}
	w.boundFor(wt.c)
	w.tick()
	start, ctx := w.nowNS, w.ctx
	w.ctx.Resumed = wt.resumed
	wt.again = false
	j := job{origin: FromWaiter, c: wt.c, spec: wt.spec, argv: wt.argv, db: wt.db, tx: &w.tx, waiter: wt, changed: key}
	how, err := w.run(&j)
	w.ctx = ctx
	if how != hasRun {
		wt.state.Store(waiting)
		w.reply = out
		return how != notLocked
	}
	if err != nil {
		w.refuse(wt.c, 0, err)
	}
	wt.tookNS.Add(w.nowNS - start)
	if !j.again { // of wt.again another worker may have the say now
		w.accountWaiter(wt, j.denied, err != nil)
	}
	reply, full := w.reply.B, w.reply.Full
	w.reply = out
	if w.due {
		w.finish(nil)
	}
	if j.again {
		if wt.missed.Swap(false) {
			w.lookAtLines(wt)
		}
		return true
	}
	w.srv.block.remove(wt)
	if wt.inLine {
		w.lookAtLines(wt)
	}
	logged := wt.logged
	wt.c.conn.post(func(w *worker, c *client) {
		c.logged, c.changed = max(c.logged, logged), max(c.changed, logged)
		c.unblock(wt, reply)
		if full {
			w.srv.overOutput.Add(1)
			w.srv.log.Warn("closing client for the size of its replies", "client", c.addr, "bytes", len(reply))
			c.cutOff()
		}
	})
	return true
}

// serveSoon is serve for a client that waits for no key, on its loop. If others hold the locks
// it tries again later.
func (w *worker) serveSoon(wt *waiter) {
	switch {
	case w.serve(wt, nil):
	case w.srv.keys.GivingUp():
		w.srv.block.later(wt, nil)
	default:
		w.tx.Await(&engine.Ticket{Wake: func() {
			wt.c.conn.post(func(w *worker, c *client) {
				if c.waiting == wt {
					w.serveSoon(wt)
				}
			})
		}})
	}
}

// endWait says whether a waiter that was run goes on waiting. The locks are still held.
func (w *worker) endWait(j *job) {
	wt := j.waiter
	if j.tx.Told() {
		wt.logged = w.srv.logged()
	}
	if j.again = wt.again; j.again {
		wt.state.Store(waiting)
	} else {
		wt.state.Store(done)
	}
}

// slotsMost is how many replies of one client may be made elsewhere at a time. Its next
// command waits for one of them then.
const slotsMost = 1024

// send has a command of the client answered elsewhere, in the place of its reply. The
// client's further commands go on meanwhile.
func (w *worker) send(c *client, argv [][]byte, to func(argv [][]byte, reply func([]byte))) {
	quiet := c.replyOff || c.skip == 1
	c.skip = max(c.skip-1, 0)
	c.conn.gather()
	c.out.keep(w.reply.B[w.base:], false)
	w.reply.B = w.reply.B[:w.base]
	place := c.out.reserve()
	if len(c.out.slots) >= slotsMost {
		c.halted |= crowded
	}
	words := make([][]byte, len(argv))
	for i, a := range argv {
		words[i] = bytes.Clone(a)
	}
	to(words, func(reply []byte) {
		if quiet {
			reply = nil
		}
		c.conn.post(func(_ *worker, c *client) {
			c.out.fill(place, reply)
			c.halted &^= crowded
			c.conn.resume()
		})
	})
}

// accountWaiter counts the command of a waiter that has got its reply. Commands that
// end for want of time are not counted.
func (w *worker) accountWaiter(wt *waiter, denied, failed bool) {
	if denied {
		w.stat(wt.spec).rejected++
		return
	}
	took := wt.tookNS.Load()
	if st := w.account(wt.c, wt.spec, wt.argv, took, w.nowNS-took, requestBytes(wt.argv), 0); failed {
		st.failed++
	}
}

// later has a waiter served when no slow script runs any more.
func (b *blocker) later(wt *waiter, key []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.postponed = append(b.postponed, postponed{wt, key})
}

// resume serves those who were postponed, each on its loop.
func (b *blocker) resume() {
	b.mu.Lock()
	all := b.postponed
	b.postponed = nil
	b.mu.Unlock()
	for _, p := range all {
		p.wt.c.conn.post(func(w *worker, c *client) {
			switch {
			case c.waiting != p.wt:
			case p.key == nil:
				w.serveSoon(p.wt)
			default:
				w.ready = append(w.ready, readyKey{p.wt.db, string(p.key)})
			}
			w.serveReady()
		})
	}
}

// takesFrom tells whether a blocking command can be served by what stands at a
// key. Only those who read for a group want to know of a key that is gone.
func takesFrom(spec *commands.Spec, tx *engine.Tx, key []byte) bool {
	wanted := value.List
	switch {
	case spec.Name == "xreadgroup":
		return true
	case spec.Group == commands.Stream:
		wanted = value.Stream
	case spec.Group == commands.SortedSet:
		wanted = value.ZSet
	case spec.Group != commands.List:
		return true
	}
	it := tx.Peek(key)
	return !it.IsZero() && value.TypeOf(it) == wanted
}

// unblock ends the waiting of a client with a reply. It runs on its loop.
func (c *client) unblock(wt *waiter, reply []byte) {
	if c.waiting != wt {
		return
	}
	c.waiting = nil
	if wt.timed {
		c.conn.untime(wt)
	}
	for _, k := range wt.keys {
		c.forgets(len(k))
	}
	c.shown.blocked.Store(false)
	c.shown.argv.Store(0)
	if c.replyOff {
		reply = nil
	}
	c.add(reply)
	c.conn.resume()
}

// giveUp ends a waiter from its own loop: because its time is over (reply makes
// the answer) or its connection is. It reports false if somebody serves it at
// this moment.
func (c *client) giveUp(reply func(*resp.Writer)) bool {
	wt := c.waiting
	if wt == nil {
		return true
	}
	if !wt.state.CompareAndSwap(waiting, done) {
		return false
	}
	c.srv.block.remove(wt)
	if wt.inLine {
		c.srv.block.passOn(wt)
	}
	var b []byte
	if reply != nil {
		out := resp.Writer{Proto: c.proto}
		reply(&out)
		b = out.B
	}
	c.unblock(wt, b)
	return true
}
