package server

import (
	"sync"
	"sync/atomic"
)

// Replies of clients that have changed something wait until the append-only file has
// come as far as its promise goes: until what they tell of has been written, or is on
// the disk. Whoever is about to write replies asks settled; if the answer is no, they
// are kept, the client is read no further, and the log calls back.

// logged is how far the log has come, with what was just logged.
func (s *Road) logged() int64 {
	if s.disk == nil {
		return 0
	}
	return s.disk.Logged()
}

// settled reports whether the log has come as far as a client's replies need it. It
// is called without locks, by the client's owner.
func (s *Road) settled(logged int64) bool {
	if logged <= s.disk.Settled() {
		return true
	}
	s.disk.Flush()
	return logged <= s.disk.Settled()
}

// logMoved is called by the log when waiting replies may be able to leave, or never
// will. It must not wait.
func (t *transport) logMoved() {
	t.wakeHolders()
	t.net.holders.wake()
}

// awaitLog waits until the log has come so far. It reports false if it never will.
func (t *transport) awaitLog(logged int64) bool {
	if logged == 0 || t.settled(logged) {
		return true
	}
	h := &t.net.holders
	h.waiting.Add(1)
	defer h.waiting.Add(-1)
	h.mu.Lock()
	defer h.mu.Unlock()
	for logged > t.disk.Settled() {
		if t.disk.Broken() {
			return false
		}
		h.moved.Wait()
	}
	return true
}

// holders are goroutines that wait for the log.
type holders struct {
	waiting atomic.Int64
	mu      sync.Mutex // between looking and waiting
	moved   sync.Cond
}

func (h *holders) wake() {
	if h.waiting.Load() > 0 {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.moved.Broadcast()
	}
}
