package server

import "cached/engine"

// purgeLook is how many keys that clients may have in their caches are looked at one by one
// when tags or a prefix are invalidated. If there are more, all caches are told to drop
// everything.
const purgeLook = 4096

// A purgeWatcher is a keyWatcher that hears of invalidations, under all locks.
type purgeWatcher interface {
	// Purged hears that keys of the Tx's database are gone, or stale if soft is set: those
	// with a prefix, or any if prefix is nil.
	Purged(tx *engine.Tx, prefix []byte, soft bool)
}

// Purged implements engine.PurgeWatcher.
func (h *hooks) Purged(tx *engine.Tx, db int, prefix []byte, soft bool) {
	if h.active.Load() == 0 {
		return
	}
	r := h.road
	if !soft {
		r.watch.purged(tx, db)
	}
	for _, x := range r.on.Watchers {
		if p, ok := x.(purgeWatcher); ok {
			p.Purged(tx, prefix, soft)
		}
	}
	r.block.replaced(tx, func(i int) bool { return i == db })
}

// purged looks at the watched keys of a database: one that was ended is told by the look-up
// that finds it.
func (t *watchTable) purged(tx *engine.Tx, db int) {
	if t.count.Load() == 0 {
		return
	}
	var keys []string
	t.mu.Lock()
	for at := range t.keys {
		if at.db == db {
			keys = append(keys, at.key)
		}
	}
	t.mu.Unlock()
	for _, key := range keys {
		tx.PeekIn(db, []byte(key))
	}
}

// Purged tells the clients that may have keys in their caches which are gone or stale now.
// Those that hear of all keys with some prefix drop what they have, as keys cannot be told
// one by one.
func (t *trackingTable) Purged(tx *engine.Tx, prefix []byte, soft bool) {
	w := workerOfTx(tx)
	if t.clients.Load() == 0 || w == nil {
		return
	}
	var keys []string
	t.mu.Lock()
	if len(t.keys) <= purgeLook {
		for key := range t.keys {
			if hasPrefix(key, string(prefix)) {
				keys = append(keys, key)
			}
		}
	} else {
		for id, c := range t.all {
			if t.bcast[c] == nil {
				addStale(w, stale{id: id, flush: true})
			}
		}
		clear(t.keys)
	}
	for c, tr := range t.bcast {
		for _, p := range tr.prefixes {
			if hasPrefix(p, string(prefix)) || hasPrefix(string(prefix), p) {
				addStale(w, stale{id: c.id, flush: true})
				break
			}
		}
	}
	t.mu.Unlock()
	for _, key := range keys {
		if m, there := tx.Meta([]byte(key)); there && soft {
			if at, ok := m.Get(engine.MetaSoftMS); ok && int64(at) <= tx.NowMS {
				t.mu.Lock()
				t.forget(w, key, nil)
				t.mu.Unlock()
			}
		}
	}
}

func hasPrefix(s, prefix string) bool { return len(s) >= len(prefix) && s[:len(prefix)] == prefix }
