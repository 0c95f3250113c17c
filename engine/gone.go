package engine

import "cached/engine/arena"

// A reason is why a key is not there.
type reason uint8

const (
	neverSeen reason = iota // or removed so long ago that it is forgotten
	wasExpired
	wasEvicted
	wasDeleted
)

// gone remembers for a while which keys of a shard were removed, when and why, so that a miss can be counted by
// its reason. A removal and a miss cost a little more for it, a hit nothing. It is a table of fixed size in which
// a new entry replaces the oldest of a few. It keeps hashes and not keys, so that one of some ten thousand misses
// is counted with the reason of another key.
type gone struct {
	// An entry has, from its low end, the time in seconds (14 bits), the reason
	// (2) and bits of the hash (16). 0 is free.
	entries []uint32
	added   int // since the last growth
	age     int // where aging continues
}

const (
	goneWays   = 8
	goneLeast  = 1 << 8
	goneMost   = 1 << 16 // 256 KiB a shard
	goneShare  = 4       // keys for each entry
	goneTime   = 1<<14 - 1
	goneForget = 2 * 60 * 60 // seconds after which an entry is dropped
)

// goneHash is the hash by which a key of a database is remembered.
func goneHash(hash uint64, db int) uint64 {
	return (hash + uint64(db)*0x9E3779B97F4A7C15) * 0xD6E8FEB86659FD93
}

func goneTag(h uint64) uint32 { return uint32(h) << 16 }

// set returns the entries among which a key may be.
func (g *gone) set(h uint64) []uint32 {
	n := uint64(len(g.entries) / goneWays)
	return g.entries[(h>>32)*n>>32*goneWays:][:goneWays]
}

func goneAge(e uint32, nowS int64) int64 { return (nowS - int64(e)) & goneTime }

// add remembers the removal of a key. keys is the number of keys in the shard.
func (g *gone) add(h uint64, why reason, nowS int64, keys int) {
	if g.added++; g.added > len(g.entries) && len(g.entries) < min(goneMost, keys/goneShare) || g.entries == nil {
		// Entries do not say where they would be in the larger table.
		n := goneLeast
		for n < min(goneMost, keys/goneShare) {
			n *= 2
		}
		g.entries, g.added = make([]uint32, n), 0
	}
	set := g.set(h)
	at, oldest := 0, int64(-1)
	for i, e := range set {
		if e == 0 || e&^0xFFFF == goneTag(h) && e>>14&3 != 0 {
			at = i
			break
		}
		if age := goneAge(e, nowS); age > oldest {
			at, oldest = i, age
		}
	}
	set[at] = goneTag(h) | uint32(why)<<14 | uint32(nowS&goneTime)
}

// prefetch loads the memory that add will change into the processor's cache.
func (g *gone) prefetch(h uint64) {
	if g.entries != nil {
		arena.Prefetch(&g.set(h)[0])
	}
}

// find returns why a key is not there, and for how many seconds.
func (g *gone) find(h uint64, nowS int64) (why reason, ago int64) {
	if g.entries == nil {
		return neverSeen, 0
	}
	for _, e := range g.set(h) {
		if e != 0 && e&^0xFFFF == goneTag(h) {
			return reason(e >> 14 & 3), goneAge(e, nowS)
		}
	}
	return neverSeen, 0
}

// forgetOld drops old entries of one set; each call visits the next set.
func (g *gone) forgetOld(nowS int64) {
	if g.entries == nil {
		return
	}
	if g.age += goneWays; g.age >= len(g.entries) {
		g.age = 0
	}
	for i, e := range g.entries[g.age:][:goneWays] {
		if e != 0 && goneAge(e, nowS) > goneForget {
			g.entries[g.age+i] = 0
		}
	}
}

// clear forgets all.
func (g *gone) clear() { clear(g.entries) }

// Reasons count misses by the reason for which the key was removed, as far as it is known. A miss that is in none
// of them is of a key that never existed, or was removed too long ago.
type Reasons struct {
	Expired, Evicted, Deleted int64
	EvictedSoon               int64 // of Evicted: asked for again within the window
}

func (r *Reasons) add(o Reasons) {
	r.Expired += o.Expired
	r.Evicted += o.Evicted
	r.Deleted += o.Deleted
	r.EvictedSoon += o.EvictedSoon
}

func (r *Reasons) count(why reason, soon bool) {
	switch why {
	case wasExpired:
		r.Expired++
	case wasEvicted:
		r.Evicted++
		if soon {
			r.EvictedSoon++
		}
	case wasDeleted:
		r.Deleted++
	}
}

// left remembers why the key that was at a was removed.
func (tx *Tx) left(a *at, db int, why reason) {
	if h := mrcHash(a.hash, db); why != wasEvicted && tx.e.curve.follows(h) {
		tx.e.curve.ended(h)
	}
	a.s.gone.add(goneHash(a.hash, db), why, tx.NowMS/1000, a.ks.keys.Len())
}

// missed counts a look-up of a key that is not there.
func (tx *Tx) missed(a *at, key []byte) {
	s := a.s
	why, ago := s.gone.find(goneHash(a.hash, tx.DB), tx.NowMS/1000)
	soon := ago <= tx.policy.SoonSeconds
	s.stats.Misses++
	s.stats.Why.count(why, soon)
	if p := s.prefixes.of(tx.policy.Prefixes, key); p != nil {
		p.Misses++
		p.Why.count(why, soon)
	}
	if h := mrcHash(a.hash, tx.DB); tx.e.curve.follows(h) {
		tx.e.curve.missed(h, tx.policy.Prefixes, key, tx.NowMS)
	}
	tx.tell(key, EventMiss)
}
