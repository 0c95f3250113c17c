package engine

import (
	"slices"

	"cached/engine/arena"
	"cached/engine/table"
	"cached/engine/value"
	"cached/internal/effects"
)

// lazyFreeThreshold is how many blocks a value may consist of and still be
// freed at once.
const lazyFreeThreshold = 64

// freeAtOnce is how many parts a value may have for its memory to be free at once: that takes some tenths of a
// millisecond.
const freeAtOnce = 4096

// expire removes the key at a, whose deadline has passed.
func (tx *Tx) expire(db int, key []byte, a at) {
	a.s.stats.Expired++
	tx.removeEnded(db, key, a, wasExpired, EventExpired)
	if tx.Journaled() {
		// The removal is an effect of its own, before those of the command.
		tx.effects = append(tx.effects, effects.Effect{DB: db, Argv: [][]byte{[]byte("DEL"), append([]byte(nil), key...)}})
	}
}

// removeEnded removes the key at a, which no command has removed, and notifies the watchers of the event.
func (tx *Tx) removeEnded(db int, key []byte, a at, why reason, ev Event) {
	tx.remove(&a, true)
	tx.left(&a, db, why)
	saved := tx.DB
	tx.DB = db
	tx.tell(key, ev)
	tx.DB = saved
}

// expireFields removes at most limit expired fields or members of the hash or set at a, and the key with the last
// one. It reports whether the key was removed.
func (tx *Tx) expireFields(db int, key []byte, a at, limit int) bool {
	it := table.ItemOf(a.slot)
	if due := value.FieldsDue(it); due == 0 || due >= tx.NowMS || tx.Applying || tx.hides() {
		return false
	}
	a.s.preserve(a.ks, a.slot)
	saved := tx.DB
	tx.DB = db
	defer func() { tx.DB = saved }()
	var gone [][]byte
	note := func(part []byte) {
		if tx.Journaled() {
			gone = append(gone, append([]byte(nil), part...))
		}
	}
	ref := value.Ref{Heap: a.s.heap, Slot: a.slot, Marked: &a.ks.marked}
	n, left, effect, ev := 0, 0, "HDEL", EventHExpired
	if value.TypeOf(it) == value.Set {
		set := value.SetRef{Ref: ref, Limits: tx.Limits()}
		n = set.ExpireMembers(tx.NowMS, limit, note)
		left, effect, ev = set.Len(), "SREM", EventSExpired
	} else {
		hash := value.HashRef{Ref: ref, Limits: tx.Limits()}
		n = hash.ExpireFields(tx.NowMS, limit, note)
		left = hash.Len()
	}
	a.s.stats.ExpiredFields += int64(n)
	tx.tell(key, ev)
	if len(gone) > 0 {
		argv := append([][]byte{[]byte(effect), append([]byte(nil), key...)}, gone...)
		tx.effects = append(tx.effects, effects.Effect{DB: db, Argv: argv})
	}
	if left > 0 {
		return false
	}
	tx.remove(&a, true)
	tx.left(&a, db, wasExpired)
	tx.tell(key, EventDel)
	return true
}

// A task is memory that Maintain frees in small steps: an item, a table of items, or a heap that is no longer
// used.
type task struct {
	item table.Item
	keys *table.Table
	heap *arena.Heap
}

func (t task) pending() int {
	if t.keys != nil {
		return t.keys.Len()
	}
	return 1
}

// later leaves a task to Maintain. The shard's lock is held.
func (e *Engine) later(s *shard, t task) {
	s.tasks = append(s.tasks, t)
	e.unfreed.Add(1)
}

// Unfreed reports whether there is something that Maintain has to free. It takes no
// lock.
func (e *Engine) Unfreed() bool { return e.unfreed.Load() > 0 }

// resetHeap empties the shard's heap at once, or leaves the old one to
// Maintain.
func (s *shard) resetHeap(e *Engine, async bool) {
	if !async {
		s.heap.Reset()
		return
	}
	if s.heap.LiveBytes() > 0 {
		e.later(s, task{heap: s.heap})
		s.heap = arena.NewHeap(e.pool)
	}
}

// dropTable empties a keyspace that shares its heap with others.
func (s *shard) dropTable(e *Engine, t *table.Table, async bool) {
	old := *t
	t.Init(int(old.Skip()))
	if old.Len() == 0 {
		return
	}
	if async {
		old.BeginFree()
		e.later(s, task{keys: &old})
		return
	}
	old.Free(s.heap, func(it table.Item) { value.Free(s.heap, it) })
}

// work frees about budget blocks of the shard's first task and reports whether there is more to do. It returns a
// heap that is no longer used, which the caller frees without the shard's lock.
func (s *shard) work(e *Engine, budget int) (unused *arena.Heap, more bool) {
	if len(s.tasks) == 0 {
		return nil, false
	}
	t := &s.tasks[0]
	done := true
	switch {
	case t.heap != nil:
		unused = t.heap
	case t.keys != nil:
		done = t.keys.FreeFrom(s.heap, budget, func(it table.Item) { value.Free(s.heap, it) })
	default:
		done = value.FreeSome(s.heap, t.item, budget)
	}
	if done {
		s.stats.LazyFreed++
		s.tasks = slices.Delete(s.tasks, 0, 1)
		e.unfreed.Add(-1)
	}
	return unused, len(s.tasks) > 0
}

// maintainBudget is how many blocks one step of Maintain frees under a shard's
// lock: some ten microseconds.
const maintainBudget = 256

// Maintain does one step of the background work: it sweeps a few segments of one shard's databases for expired
// and invalidated keys, and frees some memory of removed values. Each call visits the next shard. It reports whether there was
// anything to do in the shard, and whether there is more to do at once: more values to free, or many more expired
// keys.
func (e *Engine) Maintain(tx *Tx, nowMS int64) (worked, more bool) {
	i := int(e.nextWork.Add(1)) % len(e.shards)
	s := &e.shards[i]
	tx.Begin(e, 0, nowMS)
	s.mu.Lock()
	tx.one = i
	if len(s.claims) > 0 {
		tx.Unlock()
		return false, false
	}
	unused, more := s.work(e, maintainBudget)
	worked = more || unused != nil
	s.gone.forgetOld(nowMS / 1000)
	if s.density != nil {
		s.times.note(s.density.Clock(), nowMS)
	}
	if e.expiry.Load() && e.Role() == Primary && nowMS >= e.heldMS.Load() {
		for db := range s.dbs {
			if s.dbs[db].expires > 0 || s.dbs[db].parts {
				swept, dueMore := tx.sweep(s, db)
				worked, more = worked || swept, more || dueMore
			}
		}
	}
	for db := range s.dbs {
		ks := &s.dbs[db]
		if ks.pending() {
			more = tx.sweepKilled(s, db) || more
			worked = true
		}
		if len(ks.leases.byKey) > 0 {
			ks.forgetLeases(nowMS, 32)
		}
	}
	tx.Commit(nil)
	tx.Unlock()
	if unused != nil {
		unused.Reset()
		e.pool.Trim()
	}
	return worked, more
}
