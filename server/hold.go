package server

import (
	"sync"
	"sync/atomic"
)

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
