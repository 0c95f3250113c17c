package engine

import "cached/engine/arena"

// A keyspace can be filled out of sight, while the one that there is serves clients, and
// then take its place at once.

// Beside returns an empty Engine that takes its memory from the same pool, for ReplaceAll. It has
// no watchers and adds to no stream that somebody follows.
func (e *Engine) Beside() *Engine {
	o := New(Options{Databases: e.databases, Shards: len(e.shards)})
	o.pool, o.codec = e.pool, e.codec
	for i := range o.shards {
		o.shards[i].heap = arena.NewHeap(e.pool)
	}
	o.limits.Store(e.limits.Load())
	o.access.Store(e.access.Load())
	o.SetRole(Replica)
	return o
}

// Discard frees what an Engine of Beside holds that is not to be used. Nobody else uses it.
func (e *Engine) Discard() {
	for i := range e.shards {
		e.shards[i].heap.Reset()
		e.shards[i].heap = arena.NewHeap(e.pool)
	}
}

// ReplaceAll puts all that o has, an Engine of Beside that nobody else uses, in the place of all
// that there is, which Maintain frees. It returns how many keys there were. The whole
// keyspace is locked.
func (tx *Tx) ReplaceAll(o *Engine) (n int) {
	e := tx.e
	n = tx.Flush(-1, true)
	for i := range e.shards {
		s, from := &e.shards[i], &o.shards[i]
		s.leaveHeap(e)
		s.heap, from.heap = from.heap, arena.NewHeap(e.pool)
		for j := range s.dbs {
			ks, with := &s.dbs[j], &from.dbs[j]
			ks.keys = with.keys
			with.keys.Init(int(e.shardBits))
			ks.expires, ks.parts, ks.fields, ks.marked = with.expires, with.parts, with.fields, with.marked
			ks.sweep, ks.rare = sweep{}, 0
		}
		s.marks = from.marks // what the items' marks are compared with
		s.density, s.times, s.found = from.density, from.times, candidates{}
		e.leastGaps.Add(-s.compaction.left)
		s.compaction = compaction{}
		for _, t := range from.tasks {
			e.later(s, t)
		}
		o.unfreed.Add(-int32(len(from.tasks)))
		from.tasks = nil
	}
	e.codec.AllMoved()
	return n
}

// leaveHeap leaves the heap of a shard that has no keys to Maintain, as a whole, with what is
// still to be freed in it.
func (s *shard) leaveHeap(e *Engine) {
	heaps := s.tasks[:0]
	for _, t := range s.tasks {
		if t.heap != nil {
			heaps = append(heaps, t)
		}
	}
	e.unfreed.Add(int32(len(heaps) - len(s.tasks)))
	clear(s.tasks[len(heaps):])
	s.tasks = heaps
	if s.heap.LiveBytes() > 0 {
		e.later(s, task{heap: s.heap})
	}
}
