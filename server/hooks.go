package server

import (
	"sync/atomic"

	"cached/engine"
)

// hooks is how the server hears of changes: the engine's only watcher, which
// passes them on to whoever has somebody to tell. While nobody has, a change
// costs one atomic load.
type hooks struct {
	srv    *Server
	active atomic.Int64 // how many want to know: waiters, watched keys, tracking
	// clients, and one if events are published
}

// Changed is called under the lock of the key's shard.
func (h *hooks) Changed(tx *engine.Tx, key []byte, ev engine.Event) {
	if h.active.Load() == 0 {
		return
	}
	s := h.srv
	if ev.Class&(engine.ClassMiss|engine.ClassNew) == 0 {
		if !ev.Beside {
			s.watch.changed(tx.DB, key, ev == engine.EventExpired)
			s.tracked.changed(tx, key, ev)
		}
		if !ev.Beside || ev.Wakes {
			s.block.changed(tx, key)
		}
	}
	s.noteEvent(tx, key, ev)
}

// Flushed is called under all locks, as Swapped is.
func (h *hooks) Flushed(tx *engine.Tx, db int) {
	if db < 0 && h.srv.disk != nil {
		h.srv.disk.Flushed(tx)
	}
	if h.active.Load() != 0 {
		h.srv.watch.flushed(db)
		h.srv.tracked.flushed(tx)
		h.srv.block.replaced(tx, func(i int) bool { return db < 0 || i == db })
	}
}

// Swapped tells of two databases that have changed places.
func (h *hooks) Swapped(tx *engine.Tx, a, b int) {
	if h.active.Load() == 0 {
		return
	}
	h.srv.watch.swapped(tx, a, b)
	h.srv.block.replaced(tx, func(i int) bool { return i == a || i == b })
}
