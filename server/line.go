package server

import (
	"slices"
	"time"

	"cached/commands"
)

// A line is those who wait for a lock or semaphore, in the order of their coming. Only the
// first is looked at: whoever is behind it must not come before it. When it has got what it
// waits for, or leaves, the next one is looked at.
type line struct {
	waiters []*waiter
	alarm   *time.Timer // or nil
	alarmMS int64       // when the alarm has the first looked at; 0: it does not
}

// maxWaiters is how many clients may wait for a key in line.
const maxWaiters = 10_000

// joinLines puts w behind all in the lines of its keys; mu is held.
func (b *blocker) joinLines(w *waiter) {
	b.lined.Add(1)
	for _, k := range w.keys {
		at := readyKey{w.db, k}
		l := b.lines[at]
		if l == nil {
			l = new(line)
			b.lines[at] = l
		}
		l.waiters = append(l.waiters, w)
	}
}

// leaveLines takes w out of its lines; mu is held.
func (b *blocker) leaveLines(w *waiter) {
	b.lined.Add(-1)
	for _, k := range w.keys {
		at := readyKey{w.db, k}
		l := b.lines[at]
		if i := slices.Index(l.waiters, w); i == 0 {
			l.waiters[0] = nil
			l.waiters = l.waiters[1:]
		} else {
			l.waiters = slices.Delete(l.waiters, i, i+1)
		}
		if len(l.waiters) == 0 {
			if l.alarm != nil {
				l.alarm.Stop()
			}
			delete(b.lines, at)
		}
	}
}

// firstOf returns the first in the line of a key, or nil.
func (b *blocker) firstOf(k readyKey) *waiter {
	if b.lined.Load() == 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.firstLocked(k)
}

func (b *blocker) firstLocked(k readyKey) *waiter {
	l := b.lines[k]
	if l == nil {
		return nil
	}
	for _, w := range l.waiters {
		if w.state.Load() != done {
			return w
		}
	}
	return nil
}

// ahead is how many stand in the line of a key in front of w, or in all if w is not there.
func (b *blocker) ahead(k readyKey, w *waiter) int {
	if b.lined.Load() == 0 {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.aheadLocked(k, w)
}

func (b *blocker) aheadLocked(k readyKey, w *waiter) (n int) {
	l := b.lines[k]
	if l == nil {
		return 0
	}
	for _, x := range l.waiters {
		if x == w {
			break
		}
		if x.state.Load() != done {
			n++
		}
	}
	return n
}

// passOn has those looked at who are first now that wt, which was not served, has left.
func (b *blocker) passOn(wt *waiter) {
	for _, k := range wt.keys {
		at := readyKey{wt.db, k}
		if w := b.firstOf(at); w != nil {
			b.lookLater(w, at)
		}
	}
}

// lookLater has the first in the line of a key, which w is, looked at on its own loop. If w
// closes before that, the next one is.
func (b *blocker) lookLater(w *waiter, k readyKey) {
	w.c.conn.post(func(w *worker, _ *client) {
		w.ready = append(w.ready, k)
		w.serveReady()
	})
}

// lookAtLines has serveReady look at the first in the lines in which wt waits, or did.
func (w *worker) lookAtLines(wt *waiter) {
	for _, k := range wt.keys {
		at := readyKey{wt.db, k}
		if !slices.Contains(w.ready, at) {
			w.ready = append(w.ready, at)
		}
	}
}

// serveLater has wt, which another worker is serving, served once more by that one, since
// it may have looked before something changed. It reports true if wt is to be served here.
func (w *worker) serveLater(wt *waiter) bool {
	if !wt.inLine {
		return false
	}
	wt.missed.Store(true)
	if !wt.state.CompareAndSwap(waiting, serving) {
		return false
	}
	wt.missed.Store(false)
	return true
}

// timeIsUp ends the waiting of a client because its time is over. It is called by the
// client's owner, and reports false if somebody serves it at this moment.
func (w *worker) timeIsUp(wt *waiter) bool {
	if !wt.inLine {
		return wt.c.giveUp(wt.timeout)
	}
	wt.over.Store(true) // it replies how things stand now
	w.serve(wt, nil)
	w.serveReady()
	return wt.state.Load() == done
}

// await has the client of a command wait in the lines of keys, or go on waiting there. lookMS
// is when it is to be looked at again, or 0 if that depends on those in front of it.
func (w *worker) await(c *client, ctx *commands.Ctx, keys [][]byte, deadlineMS, lookMS int64) error {
	b := &w.srv.block
	if c.waiting == nil {
		for _, k := range keys {
			if b.ahead(readyKey{ctx.Tx.DB, string(k)}, nil) >= maxWaiters {
				return commands.ErrWaiters(maxWaiters)
			}
		}
		c.park(ctx, keys, &waiter{deadlineMS: deadlineMS, inLine: true})
		c.shown.blocked.Store(true)
	} else {
		c.waiting.again = true
	}
	wt := c.waiting
	b.mu.Lock()
	defer b.mu.Unlock()
	first := true
	for _, k := range wt.keys {
		first = first && b.aheadLocked(readyKey{wt.db, k}, wt) == 0
	}
	switch {
	case !first:
	case lookMS == 0:
		w.lookAtLines(wt) // those in front of it have left meanwhile
	default:
		b.alarm(readyKey{wt.db, wt.keys[0]}, lookMS)
	}
	return nil
}

// alarm has the first in the line of a key looked at when a time comes; mu is held.
func (b *blocker) alarm(k readyKey, atMS int64) {
	l := b.lines[k]
	if l.alarmMS == atMS {
		return
	}
	l.alarmMS = atMS
	r := b.road
	after := max(time.Duration(min(atMS, 1<<43)*1e6-r.wallNS.Load())-time.Since(r.base), 0)
	if l.alarm != nil {
		l.alarm.Reset(after)
		return
	}
	l.alarm = time.AfterFunc(after, func() { b.ring(k, l) })
}

// ring is the alarm of a line.
func (b *blocker) ring(k readyKey, l *line) {
	b.mu.Lock()
	l.alarmMS = 0
	w := b.firstLocked(k)
	b.mu.Unlock()
	if w != nil {
		b.lookLater(w, k)
	}
}
