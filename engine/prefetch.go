package engine

import "cached/engine/table"

// A Lookahead warms the processor's caches for keys that are about to be looked
// up. A look-up in a large keyspace waits twice for memory, for the index and
// for the item; for several keys at once these waits overlap. It changes
// nothing and may be left out. The zero Lookahead is empty.
type Lookahead struct {
	n      int
	hashes [lookahead]uint64
}

const (
	lookahead = 16
	// prefetchFrom is how much memory the keyspace must have for looking ahead
	// to pay: what is less lies in the caches anyway.
	prefetchFrom = 4 << 20
)

// Worthwhile reports whether the keyspace is large enough for looking ahead.
func (l *Lookahead) Worthwhile(e *Engine) bool { return e.pool.MappedBytes() >= prefetchFrom }

// Full reports whether there is no room for another key.
func (l *Lookahead) Full() bool { return l.n == len(l.hashes) }

// Add notes a key. There is room for it.
func (l *Lookahead) Add(key []byte) {
	l.hashes[l.n] = table.Hash(key)
	l.n++
}

// Run starts the loading for all noted keys of the database db and forgets
// them. A shard that is locked at the moment is left out.
func (l *Lookahead) Run(e *Engine, db int) {
	hashes := l.hashes[:l.n]
	l.n = 0
	for _, h := range hashes {
		if s := &e.shards[e.shardOf(h)]; s.mu.TryLock() {
			s.dbs[db].keys.Prefetch(h)
			s.mu.Unlock()
		}
	}
	for _, h := range hashes {
		if s := &e.shards[e.shardOf(h)]; s.mu.TryLock() {
			s.dbs[db].keys.PrefetchItem(h)
			s.mu.Unlock()
		}
	}
}
