package engine

import (
	"math/rand/v2"

	"cached/engine/table"
	"cached/engine/value"
)

// A Freshness is how fresh a value is. Times are in Unix milliseconds.
type Freshness struct {
	StaleMS int64 // from when on it is stale; 0: never
	EndMS   int64 // from when on it is only for want of another; 0: never
	DueMS   int64 // its deadline; 0: none
	CostMS  int64 // how long it took to compute; 0: not known
	Nothing bool  // it stands for "there is nothing"
}

// CachedText is Text for a command that asks how fresh the string is.
func (tx *Tx) CachedText(key []byte) (Text, Freshness, error) {
	a := tx.lookup(key)
	if a.slot == nil {
		return Text{}, Freshness{}, nil
	}
	it := table.ItemOf(a.slot)
	if value.TypeOf(it) != value.String {
		return Text{}, Freshness{}, ErrWrongType
	}
	if !it.Extended() && a.s.alert&alertPurge == 0 {
		return TextOf(it), Freshness{DueMS: it.DeadlineMS()}, nil
	}
	m := metaOf(it.Ext())
	if since := a.s.softened(a.ks, a.hash, it); since != 0 {
		m.soften(since)
	}
	return TextOf(it), Freshness{
		StaleMS: int64(m.fields[MetaSoftMS]),
		EndMS:   int64(m.fields[MetaEndMS]),
		DueMS:   it.DeadlineMS(),
		CostMS:  int64(m.fields[MetaCostMS]),
		Nothing: m.Nothing,
	}, nil
}

// Version returns the version of key, and whether it has one.
func (tx *Tx) Version(key []byte) (uint64, bool) {
	a := tx.find(tx.DB, key)
	if a.slot == nil {
		return 0, false
	}
	m := metaOf(table.ItemOf(a.slot).Ext())
	return m.Get(MetaVersion)
}

// ScanTag is Scan for the items that have a tag. Shards in which none has it are passed over.
func (tx *Tx) ScanTag(cursor uint64, count int, name string, visit func(table.Item)) (uint64, error) {
	return tx.scanShards(cursor, &count, func(s *shard, cursor uint64) uint64 {
		ks := &s.dbs[tx.DB]
		if ks.tags.names[name] == 0 {
			return (cursor>>(48-tx.e.shardBits) + 1) << (48 - tx.e.shardBits)
		}
		return ks.keys.Scan(cursor, count, func(it table.Item) {
			count--
			if it.Extended() && ks.tags.has(it.Ext(), name) && tx.lives(ks, it) {
				visit(it)
			}
		})
	})
}

// prefixSample is how many keys of a shard are looked at for an estimate.
const prefixSample = 64

// EstimatePrefix is about how many keys of the database begin with prefix, judged by some
// of them. The whole keyspace is locked.
func (tx *Tx) EstimatePrefix(prefix []byte) (n int) {
	for i := range tx.e.shards {
		ks := &tx.e.shards[i].dbs[tx.DB]
		seen, fit := 0, 0
		look := func(it table.Item) {
			seen++
			if key := it.Key(); len(key) >= len(prefix) && string(key[:len(prefix)]) == string(prefix) && tx.lives(ks, it) {
				fit++
			}
		}
		if ks.keys.Len() <= prefixSample {
			ks.keys.Each(func(it table.Item) bool { look(it); return true })
		} else {
			ks.keys.Sample(rand.Uint64(), prefixSample, 4*prefixSample, false, func(slot table.Slot) {
				look(table.ItemOf(slot))
			})
		}
		if seen > 0 {
			n += ks.keys.Len() * fit / seen
		}
	}
	return n
}

// SetTagLimit says how many tags a key may have, at most MaxTags.
func (e *Engine) SetTagLimit(n int) { e.tagLimit.Store(int32(min(n, MaxTags))) }

// TagLimit is how many tags a key may have.
func (e *Engine) TagLimit() int { return int(e.tagLimit.Load()) }

// defaultTagLimit is the limit until SetTagLimit.
const defaultTagLimit = 64
