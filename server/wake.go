package server

import (
	"sync"
	"time"
)

// A waker has clients look again at the keys they wait for when a time has come, though
// nobody changes the keys: a lease runs out by itself. It has one timer for a key. What is
// due runs on the timer's goroutine, with a worker that these share.
type waker struct {
	road *Road

	mu     sync.Mutex // guards what follows; taken under shard locks
	at     map[readyKey]*wake
	closed bool

	serving sync.Mutex // guards worker; no other lock is held when it is taken
	worker  *worker    // or nil before the first is due
}

// A wake is the timer of a key.
type wake struct {
	atMS  int64
	timer *time.Timer
}

// TooManyWait reports whether as many clients wait for a key as may.
func (c *client) TooManyWait(db int, key []byte) bool {
	b := &c.srv.block
	if int64(b.count.Load()) < c.srv.maxWaiters.Load() || c.waiting != nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return int64(len(b.queue[readyKey{db, string(key)}])) >= c.srv.maxWaiters.Load()
}

// WakeAt has clients that wait for a key look again at a time.
func (c *client) WakeAt(db int, key []byte, atMS int64) {
	c.srv.wake.set(readyKey{db, string(key)}, atMS)
}

// set sets the timer of a key, unless it has one for about that time or before. That one is
// set anew by the clients which it has look again.
func (k *waker) set(key readyKey, atMS int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	old := k.at[key]
	if k.closed || old != nil && old.atMS <= atMS {
		return
	}
	if old != nil {
		old.timer.Stop()
	}
	w := &wake{atMS: atMS}
	k.at[key] = w
	w.timer = time.AfterFunc(time.Duration(atMS-k.road.nowMS())*time.Millisecond, func() { k.due(key, w) })
}

// due has the clients look again. Those that go on waiting have set the next timer then.
func (k *waker) due(key readyKey, w *wake) {
	k.serving.Lock()
	defer k.serving.Unlock()
	k.mu.Lock()
	mine := k.at[key] == w && !k.closed
	if mine {
		delete(k.at, key)
	}
	k.mu.Unlock()
	if !mine {
		return
	}
	if k.worker == nil {
		k.worker = newWorker(k.road)
	}
	k.worker.tick()
	k.worker.ready = append(k.worker.ready, key)
	k.worker.serveReady()
	k.worker.publish()
}

// close stops all timers, and waits for what is due to end.
func (k *waker) close() {
	k.mu.Lock()
	k.closed = true
	for _, w := range k.at {
		w.timer.Stop()
	}
	clear(k.at)
	k.mu.Unlock()
	k.serving.Lock()
	defer k.serving.Unlock()
}
