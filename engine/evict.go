package engine

import (
	"math/rand/v2"

	"cached/engine/arena"
	"cached/engine/table"
	"cached/engine/value"
	"cached/eviction"
	"cached/internal/effects"
)

// An Order says which of two keys is evicted first.
type Order uint8

// The orders. Auto ranks keys by eviction.Density.
const (
	NoEviction Order = iota
	LRU              // least recently used
	LFU              // least often used
	LRM              // least recently modified
	Random
	TTL // nearest deadline
	Auto
)

// AccessPolicy is the meaning of the access bits of items, and the policy of eviction.
type AccessPolicy struct {
	// LFU has the bits count accesses, whatever is evicted.
	LFU          bool
	LogFactor    int // lfu-log-factor
	DecayMinutes int // lfu-decay-time

	Order    Order
	Volatile bool // only keys with a deadline are evicted
	Samples  int  // keys compared for each eviction; 0: 5, or as many as Auto needs
	// Bytes has Auto count hits by the bytes they serve. Else a hit is a hit,
	// and small keys are worth more for their memory.
	Bytes bool

	// Prefixes are those whose look-ups are counted apart; nil for none.
	Prefixes *Prefixes
	// SoonSeconds is within how many seconds an evicted key that is asked for again
	// counts as one that should have stayed.
	SoonSeconds int64
}

const (
	defaultSamples = 5
	autoSamples    = 16
	mostSamples    = 64
	keptCandidates = 8
	// evictMost is the largest number of keys that one call of Evict removes.
	evictMost = 64
)

// A candidate is a key that may be evicted, found by sampling. It may have been removed since.
type candidate struct {
	db   int
	hash uint64
	addr arena.Addr
	rank float64 // the least is evicted first
}

// candidates are those of a shard: the best of earlier samples come first, then
// those of the present one.
type candidates struct {
	n   int
	all [keptCandidates + mostSamples + 1]candidate
}

// add appends a candidate unless it is there, or there is no room.
func (c *candidates) add(x candidate) {
	if c.n == len(c.all) {
		return
	}
	for i := range c.n {
		if c.all[i].addr == x.addr {
			return
		}
	}
	c.all[c.n] = x
	c.n++
}

// take removes and returns the least, and keeps the next few.
func (c *candidates) take() candidate {
	for i := range min(keptCandidates+1, c.n) {
		for j := i + 1; j < c.n; j++ {
			if c.all[j].rank < c.all[i].rank {
				c.all[i], c.all[j] = c.all[j], c.all[i]
			}
		}
	}
	x := c.all[0]
	c.n = copy(c.all[:keptCandidates], c.all[1:c.n])
	return x
}

// auto returns the ranking of the shard's keys under Auto.
func (s *shard) auto() *eviction.Density {
	if s.density == nil {
		s.density = eviction.NewDensity(s.len())
	}
	return s.density
}

func (s *shard) len() (n int) {
	for i := range s.dbs {
		n += s.dbs[i].keys.Len()
	}
	return n
}

// InUse returns about how many bytes blocks occupy and how many the system has
// given memory for. It takes no lock.
func (e *Engine) InUse() (live, resident int64) { return e.pool.LiveBytes(), e.pool.ResidentBytes() }

// Evictions counts the calls of Evict. It takes no lock.
func (e *Engine) Evictions() int64 { return int64(e.nextEvict.Load()) }

// Evict removes the keys of one shard that the policy ranks lowest, until about that many bytes are free or a
// bounded number of keys is removed. It returns the number of freed bytes. Values that were deleted earlier and
// wait to be freed are freed first. Each call visits the next shard; tx holds no lock. If others hold the shard and
// tx gives up, locked is false and nothing is known of the shard.
func (e *Engine) Evict(tx *Tx, nowMS, bytes int64) (freed int64, locked bool) {
	i := int(e.nextEvict.Add(1)) % len(e.shards)
	s := &e.shards[i]
	tx.Begin(e, 0, nowMS)
	if !tx.lock(s, nil, true) {
		return 0, false
	}
	tx.one = i
	start := s.heap.LiveBytes()
	unused, _ := s.work(e, maintainBudget)
	if p := tx.policy; p.Order != NoEviction && e.Role() == Primary {
		if p.Order == Auto {
			s.auto().Resize(s.len())
		}
		for n := 0; n < evictMost && start-s.heap.LiveBytes() < bytes; n++ {
			if !tx.evictOne(s) {
				break
			}
			if len(s.tasks) > 0 && unused == nil {
				unused, _ = s.work(e, maintainBudget)
			}
		}
	}
	freed = start - s.heap.LiveBytes()
	tx.Commit(nil)
	tx.Unlock()
	if unused != nil {
		freed += unused.LiveBytes()
		unused.Reset()
		e.pool.Trim()
	}
	return freed, true
}

// evictOne removes the key with the lowest rank among a sample of the shard's keys, and reports whether there was
// one.
func (tx *Tx) evictOne(s *shard) bool {
	p, c := tx.policy, &s.found
	tx.revise(s)
	db, ok := s.pickDB(p.Volatile)
	if !ok {
		return false
	}
	n := p.Samples
	if n <= 0 {
		n = defaultSamples
	}
	if p.Order == Auto {
		n = max(n, autoSamples)
	}
	tx.sample(s, db, min(n, mostSamples))
	if c.n == 0 {
		return false
	}
	x := c.take()
	ks := &s.dbs[x.db]
	slot := ks.keys.FindItem(x.hash, x.addr)
	it := table.ItemOf(slot)
	if p.Order == Auto {
		s.auto().Evicted(it.Access(), x.hash)
	}
	s.stats.Evicted++
	s.stats.EvictedBytes += value.Bytes(it, 1)
	tx.DB = x.db
	tx.key = append(tx.key[:0], it.Key()...)
	a := at{s, ks, x.hash, slot}
	tx.remove(&a, true)
	tx.left(&a, x.db, wasEvicted)
	tx.tell(tx.key, EventEvicted)
	if tx.Journaled() {
		tx.effects = append(tx.effects, effects.Effect{DB: x.db, Argv: [][]byte{[]byte("DEL"), append([]byte(nil), tx.key...)}})
	}
	return true
}

// revise drops candidates that were removed or may no longer be evicted, and computes the rank of the others
// again.
func (tx *Tx) revise(s *shard) {
	c := &s.found
	n := 0
	for i := range c.all[:c.n] {
		x := &c.all[i]
		s.dbs[x.db].keys.Prefetch(x.hash)
		x.addr.Prefetch()
	}
	for _, x := range c.all[:c.n] {
		slot := s.dbs[x.db].keys.FindItem(x.hash, x.addr)
		if slot == nil {
			continue
		}
		it := table.ItemOf(slot)
		if tx.policy.Volatile && it.DeadlineMS() == 0 || isPinned(it) {
			continue
		}
		x.rank = tx.rank(s, it)
		c.all[n] = x
		n++
	}
	c.n = n
}

// sample looks at n keys of a database. They follow each other in the order of their hashes, which is independent
// of their content and use.
func (tx *Tx) sample(s *shard, db, n int) {
	ks, volatile := &s.dbs[db], tx.policy.Volatile
	visit := func(slot table.Slot) {
		it := table.ItemOf(slot)
		if volatile && it.DeadlineMS() == 0 || isPinned(it) {
			return
		}
		s.found.add(candidate{db, table.Hash(it.Key()), it.Addr(), tx.rank(s, it)})
	}
	const most = 4096 // entries looked at
	ks.keys.Sample(rand.Uint64(), n, most, volatile, visit)
	if s.found.n == 0 {
		// Keys that may be evicted are rare: continue where the last search stopped.
		for range 64 {
			ks.rare = ks.keys.Walk(ks.rare, func(slot table.Slot) {
				if table.ItemOf(slot).DeadlineMS() != 0 || !volatile {
					visit(slot)
				}
			})
			if s.found.n > 0 {
				return
			}
		}
	}
}

// pickDB draws a database, with a probability in proportion to its keys that may be evicted.
func (s *shard) pickDB(volatile bool) (db int, ok bool) {
	count := func(ks *keyspace) int {
		if volatile {
			return ks.expires
		}
		return ks.keys.Len()
	}
	if n := count(&s.dbs[0]); n > 0 && n == s.len() {
		return 0, true
	}
	total := 0
	for i := range s.dbs {
		total += count(&s.dbs[i])
	}
	if total == 0 {
		return 0, false
	}
	r := rand.IntN(total)
	for i := range s.dbs {
		if r -= count(&s.dbs[i]); r < 0 {
			return i, true
		}
	}
	return 0, false
}

// rank is the position of a key in the policy's order.
func (tx *Tx) rank(s *shard, it table.Item) float64 {
	switch p := tx.policy; p.Order {
	case Auto:
		r := float64(s.auto().Rank(it.Access()))
		if !p.Bytes {
			r /= float64(value.Bytes(it, 1) + indexBytes)
		}
		return r
	case LFU:
		return float64(eviction.LFUCount(it.Access(), tx.NowMS, p.DecayMinutes))
	case TTL:
		return float64(it.DeadlineMS())
	case Random:
		return 0
	default:
		return -float64(eviction.IdleMS(it.Access(), tx.NowMS))
	}
}

// indexBytes is about what a key costs in its table.
const indexBytes = 11

// IdleMS is how long ago an item that Peek returned for key was used.
func (tx *Tx) IdleMS(key []byte, it table.Item) int64 {
	if tx.policy.Order != Auto {
		return eviction.IdleMS(it.Access(), tx.NowMS)
	}
	return tx.shard(tx.hash(key)).idleMS(it, tx.NowMS)
}

// idleMS is IdleMS under Auto.
func (s *shard) idleMS(it table.Item, nowMS int64) int64 {
	d := s.auto()
	return s.times.since(d.Clock()-d.Idle(it.Access()), d.Clock(), nowMS)
}

// Frequency is how often an item that Peek returned was used, on the scale of
// the policy: a logarithmic counter, or a few accesses under Auto.
func (tx *Tx) Frequency(key []byte, it table.Item) int {
	p := tx.policy
	if p.Order == Auto {
		return tx.shard(tx.hash(key)).auto().Count(it.Access())
	}
	return int(eviction.LFUCount(it.Access(), tx.NowMS, p.DecayMinutes))
}

// Used returns the use of a key as files record it: the time since the last access, and the number of accesses as
// LFU counts them, whichever of the two the policy records. The lock of the key's shard is held.
func (e *Engine) Used(it table.Item, nowMS int64) (idleMS int64, count uint8) {
	p := e.access.Load()
	if p.Order != Auto {
		return eviction.IdleMS(it.Access(), nowMS), eviction.LFUCount(it.Access(), nowMS, p.DecayMinutes)
	}
	s := &e.shards[e.shardOf(table.Hash(it.Key()))]
	return s.idleMS(it, nowMS), uint8(eviction.LFUStart - 1 + s.auto().Count(it.Access()))
}

// timeline finds the time of an access from the number that the access counter had then: it remembers the
// counter's value at some moments, fewer the longer they are past.
type timeline struct {
	n     int
	marks [32]struct{ clock, ms int64 }
}

const markEveryMS = 1000

// note remembers the count of the present.
func (t *timeline) note(clock, nowMS int64) {
	if t.n > 0 && nowMS-t.marks[t.n-1].ms < markEveryMS {
		return
	}
	if t.n == len(t.marks) {
		for i := range t.n / 2 {
			t.marks[i] = t.marks[2*i]
		}
		t.n /= 2
	}
	t.marks[t.n].clock, t.marks[t.n].ms = clock, nowMS
	t.n++
}

// since is how long ago the count was at clock.
func (t *timeline) since(clock, nowClock, nowMS int64) int64 {
	next := struct{ clock, ms int64 }{nowClock, nowMS}
	for i := t.n - 1; i >= 0; i-- {
		m := t.marks[i]
		if m.clock <= clock {
			if next.clock == m.clock {
				return nowMS - next.ms
			}
			share := float64(clock-m.clock) / float64(next.clock-m.clock)
			return nowMS - m.ms - int64(share*float64(next.ms-m.ms))
		}
		next = m
	}
	return nowMS - next.ms
}
