package engine

import (
	"cached/engine/table"
	"cached/engine/value"
	"cached/eviction"
)

// An Origin is the known history of a key whose value is loaded.
type Origin struct {
	DeadlineMS int64 // 0: none
	IdleMS     int64 // since its last access; negative: not known
	Freq       int   // of accesses, as LFU counts them; negative: not known
}

// NoOrigin is that of a key made now.
var NoOrigin = Origin{IdleMS: -1, Freq: -1}

// tickMS is the resolution of access words.
const tickMS = 256

// access is the access word of an item for key that comes with o.
func (tx *Tx) access(key []byte, o Origin) uint32 {
	switch {
	case tx.policy.Order == Auto: // it starts as others do
	case tx.policy.LFU && o.Freq >= 0:
		return eviction.LFU(tx.NowMS, uint8(min(o.Freq, 255)))
	case !tx.policy.LFU && o.IdleMS >= 0:
		// Up to a tick more, so that a client that asks for the idle time in seconds gets the loaded one.
		return eviction.LRUIdle(tx.NowMS, o.IdleMS+tickMS)
	}
	h := tx.hash(key)
	return tx.newAccess(&at{s: tx.shard(h), hash: h})
}

// Build begins an item of type t for key in b. The item is in no table until
// Adopt puts it there; between the two the lock may be released.
func (tx *Tx) Build(b *value.Builder, t value.Type, key []byte, o Origin) {
	s := tx.shard(tx.hash(key))
	b.Begin(s.heap, tx.Limits(), t, key, tx.access(key, o), o.DeadlineMS)
}

// BuildString makes an item of a string, for Adopt.
func (tx *Tx) BuildString(b *value.Builder, key, v []byte, o Origin) table.Item {
	return b.BeginString(tx.shard(tx.hash(key)).heap, key, v, tx.access(key, o), o.DeadlineMS)
}

// BuildNative makes an item of a value of the native type t, for Adopt.
func (tx *Tx) BuildNative(b *value.Builder, t value.Type, key, v []byte, o Origin) table.Item {
	return b.BeginNative(tx.shard(tx.hash(key)).heap, t, key, v, tx.access(key, o), o.DeadlineMS)
}

// Adopt puts an item that was built at its key in the database of the Tx. It
// reports false, and frees the item, if there is such a key already and replace
// is not set. A key that was pinned stays so.
func (tx *Tx) Adopt(it table.Item, replace bool) bool {
	a := tx.find(tx.DB, it.Key())
	if a.slot != nil {
		if !replace {
			value.Free(a.s.heap, it)
			return false
		}
		pinned := isPinned(table.ItemOf(a.slot))
		tx.remove(&a, true)
		tx.insert(tx.DB, &a, tx.squeezeItem(&a, it))
		tx.repin(&a, pinned)
		return true
	}
	tx.insert(tx.DB, &a, tx.squeezeItem(&a, it))
	return true
}

// BuiltSet is the set of an item for key that was built and not adopted, and whose address
// is at slot, for members to be given deadlines. The item is at slot afterwards.
func (tx *Tx) BuiltSet(key []byte, slot *uint64) value.SetRef {
	return value.SetRef{Ref: value.Ref{Heap: tx.shard(tx.hash(key)).heap, Slot: slot}, Limits: tx.Limits()}
}

// Discard frees an item that was built and not adopted.
func (tx *Tx) Discard(it table.Item) { value.Free(tx.shard(table.Hash(it.Key())).heap, it) }

// ShardOf is the number of the shard that keys with a hash belong to, of Shards.
func (e *Engine) ShardOf(hash uint64) int { return e.shardOf(hash) }

// Reserve makes room in the index of a shard for its part of keys keys, before they are loaded into an empty
// database. It locks the shard.
func (e *Engine) Reserve(shard, db int, keys int64) {
	s := &e.shards[shard]
	s.mu.Lock()
	defer s.unlock()
	s.dbs[db].keys.Reserve(s.heap, int(keys/int64(len(e.shards))))
}

// FitIndex gives back the room of Reserve that was not used. It locks the shard.
func (e *Engine) FitIndex(shard, db int) {
	s := &e.shards[shard]
	s.mu.Lock()
	defer s.unlock()
	s.dbs[db].keys.Fit(s.heap)
}

// FieldDeadlines reports whether any database may have hashes with deadlines of
// fields. The whole keyspace is locked.
func (e *Engine) FieldDeadlines() bool {
	for i := range e.shards {
		for j := range e.shards[i].dbs {
			if e.shards[i].dbs[j].fields {
				return true
			}
		}
	}
	return false
}
