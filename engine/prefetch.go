package engine

import "cached/engine/value"

// A Lookahead loads data that is about to be looked up into the processor's caches: keys, and fields or members in
// their values. A look-up in a large table waits twice for memory, for the index and for the item; for several
// look-ups at once these waits overlap. It changes nothing and may be left out. The zero Lookahead is empty.
type Lookahead struct {
	n     int
	parts bool // there is a field or member among them
	at    [MaxLookahead]ahead
}

// An ahead is one look-up.
type ahead struct {
	key      uint64 // hash
	again    bool   // key is that of the look-up before
	part     []byte // or nil
	partHash uint64 // once the value is known to be large
}

const (
	// MaxLookahead is how many look-ups there is room for.
	MaxLookahead = 16
	// prefetchFrom is the size of the keyspace from which on looking ahead pays: a smaller one is in the caches
	// already.
	prefetchFrom = 4 << 20
)

// Worthwhile reports whether the keyspace is large enough for looking ahead.
func (l *Lookahead) Worthwhile(e *Engine) bool { return e.pool.MappedBytes() >= prefetchFrom }

// Add notes a key by its hash, and a field or member that is looked up in its
// value; nil is none. again says that the key is that of the last Add. There is
// room for it, and part stays as it is until Run.
func (l *Lookahead) Add(hash uint64, again bool, part []byte) {
	again = again && l.n > 0
	if part != nil {
		l.parts = true
	} else if again {
		return
	}
	l.at[l.n] = ahead{key: hash, again: again, part: part}
	l.n++
}

// Run starts loading all that was noted, in the database db, and forgets it. It skips shards that are locked at
// the moment.
func (l *Lookahead) Run(e *Engine, db int) {
	if l.n > 1 { // with one key, nothing would overlap
		loadAhead(e, db, l.at[:l.n], l.parts)
	}
	clear(l.at[:l.n])
	l.n, l.parts = 0, false
}

// RunForNew is Run for keys that will be added, and are hardly there yet.
func (l *Lookahead) RunForNew(e *Engine, db int) {
	warm(e, l.at[:l.n], func(a *ahead, s *shard) { s.dbs[db].keys.Prefetch(a.key) })
	clear(l.at[:l.n])
	l.n, l.parts = 0, false
}

func loadAhead(e *Engine, db int, looks []ahead, parts bool) {
	warm(e, looks, func(a *ahead, s *shard) {
		if !a.again {
			s.dbs[db].keys.Prefetch(a.key)
		}
	})
	warm(e, looks, func(a *ahead, s *shard) {
		if !a.again {
			s.dbs[db].keys.PrefetchItem(a.key)
		}
	})
	if !parts {
		return
	}
	large := false // small values are in their item
	warm(e, looks, func(a *ahead, s *shard) {
		if it := s.dbs[db].keys.Likely(a.key); a.part != nil && value.IsLarge(it) {
			a.partHash = value.Prefetch(it, a.part)
			large = true
		} else {
			a.part = nil
		}
	})
	if !large {
		return
	}
	warm(e, looks, func(a *ahead, s *shard) {
		// The lock was given back: the value may be another one now.
		if it := s.dbs[db].keys.Likely(a.key); a.part != nil && value.IsLarge(it) {
			value.PrefetchPart(it, a.partHash)
		}
	})
}

// warm calls step for each look-up under the lock of its shard.
func warm(e *Engine, looks []ahead, step func(*ahead, *shard)) {
	var held *shard
	for i := range looks {
		s := &e.shards[e.shardOf(looks[i].key)]
		if s != held {
			if held != nil {
				held.unlock()
				held = nil
			}
			if !s.mu.TryLock() {
				continue
			}
			held = s
		}
		step(&looks[i], s)
	}
	if held != nil {
		held.unlock()
	}
}
