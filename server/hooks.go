package server

import (
	"sync/atomic"

	"cached/engine"
	"cached/engine/table"
	"cached/engine/value"
)

// A keyWatcher hears of changes of keys, under the locks of their shards.
type keyWatcher interface {
	// Changed hears of an event. It is called under the lock of the key's shard.
	Changed(tx *engine.Tx, key []byte, ev engine.Event)
	// Flushed hears that a database lost all its keys, or all databases did if db is
	// negative. It is called under all locks, as Swapped is.
	Flushed(tx *engine.Tx, db int)
	// Swapped hears that two databases have changed places.
	Swapped(tx *engine.Tx, a, b int)
}

// hooks is how the server hears of changes: the engine's only watcher, which
// notifies the others. While nobody waits for any, a change costs one atomic load.
type hooks struct {
	road   *Road
	active atomic.Int64 // how many want to know: waiters, watched keys, tracking
	// clients, and one if events are published
}

// Changed is called under the lock of the key's shard.
func (h *hooks) Changed(tx *engine.Tx, key []byte, ev engine.Event) {
	if h.active.Load() == 0 {
		return
	}
	r := h.road
	if ev.Class&(engine.ClassMiss|engine.ClassNew) == 0 {
		if !ev.Beside {
			r.watch.changed(tx.DB, key, ev == engine.EventExpired)
		}
		if !ev.Beside || ev.Wakes {
			r.block.changed(tx, key)
		}
	}
	for _, x := range r.on.Watchers {
		x.Changed(tx, key, ev)
	}
}

// Removing is called under the lock of the key's shard.
func (h *hooks) Removing(tx *engine.Tx, db int, it table.Item) {
	if value.TypeOf(it).Native() {
		h.road.on.Removing(tx, db, it)
	}
}

// Flushed is called under all locks, as Swapped is.
func (h *hooks) Flushed(tx *engine.Tx, db int) {
	r := h.road
	if db < 0 && r.disk != nil {
		r.disk.Flushed(tx)
	}
	if h.active.Load() == 0 {
		return
	}
	r.watch.flushed(db)
	for _, x := range r.on.Watchers {
		x.Flushed(tx, db)
	}
	r.block.replaced(tx, func(i int) bool { return db < 0 || i == db })
}

// Swapped is called when two databases have changed places.
func (h *hooks) Swapped(tx *engine.Tx, a, b int) {
	if h.active.Load() == 0 {
		return
	}
	r := h.road
	r.watch.swapped(tx, a, b)
	for _, x := range r.on.Watchers {
		x.Swapped(tx, a, b)
	}
	r.block.replaced(tx, func(i int) bool { return i == a || i == b })
}
