package engine

import (
	"math/rand/v2"

	"cached/engine/table"
	"cached/engine/value"
)

// A compaction moves blocks of a shard out of slabs that are nearly empty. It walks through the shard's databases,
// one segment at a time. After each round it rests until there is memory to gain again.
type compaction struct {
	db     int
	cursor uint64
	began  int64 // free bytes in slabs when the round began
	left   int64 // free bytes in slabs after the last round, or fewer since
	room   int64 // how many more bytes may be free before the next round, while keys are added and removed
	spare  int64 // and how many in free blocks, which Purge can give back
	restMS int64 // no other round before that, unless there is more to gain
	rounds int   // finished ones
}

const (
	// compactFrom is the number of free bytes in slabs, and compactShare their share of all memory, from which on
	// moving blocks is worth its cost.
	compactFrom  = 64 << 10
	compactShare = 64
	// busyShare is that share while keys are added and removed, for memory that can be gained by moving blocks and for
	// memory that can be gained without: most of it is soon in use again.
	busyShare = 32
	// compactFew is the largest number of items of a collection that one step visits.
	compactFew = 4096
	// compactRestMS is the rest after a round that gained little: the free memory is then in blocks that cannot be
	// moved, or in one slab of each size.
	compactRestMS = 500
)

// Defrag counts the blocks that compaction has visited, and the keys of which it has moved a block or none.
type Defrag struct {
	Moved, Stayed         int64
	KeysMoved, KeysStayed int64
}

func (d *Defrag) add(o Defrag) {
	d.Moved += o.Moved
	d.Stayed += o.Stayed
	d.KeysMoved += o.KeysMoved
	d.KeysStayed += o.KeysStayed
}

// gaps is how many bytes are free inside the shard's slabs.
func (s *shard) gaps() int64 { return s.heap.ResidentBytes() - s.heap.LiveBytes() }

// closable is how many of these are freed by moving blocks alone: the rest can be given
// back where it is.
func (s *shard) closable() int64 { return s.gaps() - s.heap.SpareBytes() }

// worth is how many free bytes make moving blocks worth while, and how many make it worth
// while to give back what is free without that.
func (s *shard) worth(busy bool) (move, purge int64) {
	if busy {
		move = max(compactFrom, s.heap.ResidentBytes()/busyShare)
		return move, move
	}
	move = max(compactFrom, s.heap.ResidentBytes()/compactShare)
	return move, move / 4
}

// wantsCompaction reports whether there is something to gain.
func (s *shard) wantsCompaction(nowMS int64, busy bool) bool {
	c := &s.compaction
	if s.taken != 0 {
		return false
	}
	if c.db != 0 || c.cursor != 0 {
		return true // in the middle of a round
	}
	g := s.closable()
	worth, _ := s.worth(busy)
	return g > c.left+worth || g > worth && nowMS >= c.restMS
}

// settle records how many free bytes compaction could not gain. If new blocks have filled some of them since, or
// slabs were closed, it records the smaller number. room and spare are how many more bytes may be free before
// compaction works again, by moving blocks and by giving pages back; both are 0 in a shard where it has not worked.
func (s *shard) settle(e *Engine, gaps, room, spare int64) {
	c := &s.compaction
	e.leastGaps.Add(gaps + room + spare - c.left - c.room - c.spare)
	c.left, c.room, c.spare = gaps, room, spare
}

// LeastGaps is about how many bytes inside slabs compaction leaves free. The blocks in use take that much beyond
// their own size. It takes no lock.
func (e *Engine) LeastGaps() int64 { return e.leastGaps.Load() }

// Compact does one step of returning memory of nearly empty slabs to the system: it moves the blocks of one
// segment of one shard. It reports whether there is more to gain in the shard. busy says that keys are added and
// removed: then there must be much to gain. Each call visits the next shard.
func (e *Engine) Compact(nowMS int64, busy bool) bool {
	s := &e.shards[int(e.nextCompact.Add(1))%len(e.shards)]
	if !s.mu.TryLock() {
		return false // the next round comes soon
	}
	defer s.unlock()
	if len(s.claims) > 0 {
		return false
	}
	c := &s.compaction
	if g := s.closable(); g < c.left {
		s.settle(e, g, c.room, c.spare)
	}
	if !busy && c.room+c.spare > 0 {
		s.settle(e, c.left, 0, 0)
	}
	if _, purge := s.worth(busy); s.taken == 0 && s.heap.SpareBytes() > purge {
		keep := int64(0)
		if busy {
			keep = purge - purge/4
			s.settle(e, c.left, c.room, purge)
		}
		s.heap.Purge(keep)
		return true
	}
	if !s.wantsCompaction(nowMS, busy) {
		return false
	}
	s.compactStep(e, nowMS, busy)
	return true
}

// CompactAll runs a few rounds over all shards, also over those that rest. It releases the locks between steps.
func (e *Engine) CompactAll(nowMS int64) {
	for i := range e.shards {
		s := &e.shards[i]
		if !e.Patiently(s.mu.TryLock) {
			return
		}
		s.settle(e, 0, 0, 0)
		s.compaction = compaction{}
		for s.compaction.rounds < 4 && len(s.claims) == 0 && s.wantsCompaction(nowMS, false) {
			s.compactStep(e, nowMS, false)
			s.unlock()
			if !e.Patiently(s.mu.TryLock) {
				return
			}
		}
		s.unlock()
	}
	e.pool.Trim()
}

func (s *shard) compactStep(e *Engine, nowMS int64, busy bool) {
	c := &s.compaction
	if c.cursor == 0 && c.db == 0 {
		c.began = s.closable()
	}
	if !busy {
		s.heap.Purge(0)
	}
	ks := &s.dbs[c.db]
	st := &s.stats.Defrag
	moved, stayed := s.heap.Compacted()
	last := moved
	next := ks.keys.Walk(c.cursor, func(slot table.Slot) {
		value.Ref{Heap: s.heap, Slot: slot}.Compact(compactFew, rand.Uint64())
		if n, _ := s.heap.Compacted(); n > last {
			st.KeysMoved++
			last = n
		} else {
			st.KeysStayed++
		}
	})
	ks.keys.CompactSegment(s.heap, c.cursor)
	nowMoved, nowStayed := s.heap.Compacted()
	st.Moved += nowMoved - moved
	st.Stayed += nowStayed - stayed
	if c.cursor = next; next != 0 {
		return
	}
	for c.db++; c.db < len(s.dbs) && s.dbs[c.db].keys.Len() == 0; {
		c.db++
	}
	if c.db < len(s.dbs) {
		return
	}
	c.db = 0
	c.rounds++
	s.heap.DropEmpty()
	gaps, room := s.closable(), int64(0)
	if busy {
		room, _ = s.worth(true)
	}
	s.settle(e, gaps, room, c.spare)
	if gaps > c.began-c.began/compactShare {
		c.restMS = nowMS + compactRestMS
	}
}
