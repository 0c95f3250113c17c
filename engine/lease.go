package engine

import (
	"maps"
	"math/rand/v2"
)

// Leases. A client that is to compute the value of a key has a lease on it: a token, which
// no other client gets before the lease is over, and with which the value is accepted only
// if nothing has been written to the key and nothing was invalidated in between. A lease is
// on a key, whether there is an item or not: one that expires or is evicted meanwhile takes
// nothing away. So leases stand in a table of their own beside the items, which has as many
// as values are being computed at the moment. They are in no file: after a restart there
// are none, and a token says of which start of the server it is.
//
// A lease that has run out is kept for a while: if nobody else has got one, its token is
// still good.

// A Lease is one that is out.
type Lease struct {
	Token   uint64 // 0: nobody has it, the key rests after a failure
	UntilMS int64  // in Unix milliseconds
	seq     uint64 // of the last invalidation before it
}

const (
	// MaxLeases is how many leases a shard remembers for each database.
	MaxLeases = 1 << 16
	// leaseKeptMS is for how long one that has run out is remembered.
	leaseKeptMS = 60_000
	// maxFences is how many invalidations are remembered one by one.
	maxFences = 1 << 10
	// tokenBits are those of a token that count; the others tell the start of the server.
	tokenBits = 40
)

// leases are those of a keyspace.
type leases struct {
	byKey map[string]Lease
	// Invalidations since the oldest lease: by tag, the number of the last; and the number of
	// the last of which no more is known.
	byTag map[string]uint64
	any   uint64
}

// newLife is the upper part of the tokens of a new engine.
func newLife() uint64 { return 1 + rand.Uint64N(1<<23-1) }

// OfThisLife reports whether a token was given by this engine.
func (e *Engine) OfThisLife(token uint64) bool { return token>>tokenBits == e.life }

// fence notes that a tag was invalidated, for tokens that are out.
func (ks *keyspace) fence(name string, seq uint64) {
	l := &ks.leases
	switch {
	case len(l.byKey) == 0:
	case len(l.byTag) >= maxFences:
		l.any, l.byTag = seq, nil
	default:
		if l.byTag == nil {
			l.byTag = make(map[string]uint64)
		}
		l.byTag[name] = seq
	}
}

// fencePrefix ends the leases of keys with a prefix.
func (ks *keyspace) fencePrefix(prefix []byte, seq uint64) {
	l := &ks.leases
	if len(l.byKey) > maxFences {
		l.any = seq
		return
	}
	maps.DeleteFunc(l.byKey, func(key string, _ Lease) bool {
		return len(key) >= len(prefix) && key[:len(prefix)] == string(prefix)
	})
}

// good reports whether what was computed under a lease may be stored with tags.
func (l *leases) good(x Lease, tags ...string) bool {
	if x.seq < l.any {
		return false
	}
	for _, name := range tags {
		if x.seq < l.byTag[name] {
			return false
		}
	}
	return true
}

// Lease returns the lease on key that is out, and whether there is one. A look-up of the key
// comes before it, and before TakeLease: it ends a key, and the lease on it, that an
// invalidation has ended.
func (tx *Tx) Lease(key []byte) (Lease, bool) {
	h := tx.hash(key)
	l := &tx.shard(h).dbs[tx.DB].leases
	x, ok := l.byKey[string(key)]
	return x, ok && tx.NowMS < x.UntilMS && (x.Token == 0 || l.good(x))
}

// TakeLease gives a lease on key unless there is one out. The token is 0 if there is no room
// to remember it: the client may compute the value and set it without one.
func (tx *Tx) TakeLease(key []byte, untilMS int64) (token uint64, ok bool) {
	if _, out := tx.Lease(key); out {
		return 0, false
	}
	ks := &tx.shard(tx.hash(key)).dbs[tx.DB]
	if _, known := ks.leases.byKey[string(key)]; !known && len(ks.leases.byKey) >= MaxLeases {
		if ks.forgetLeases(tx.NowMS, 64); len(ks.leases.byKey) >= MaxLeases {
			return 0, true
		}
	}
	token = tx.e.life<<tokenBits | tx.e.tokens.Add(1)&(1<<tokenBits-1)
	tx.e.minded.Store(true)
	ks.setLease(key, Lease{token, untilMS, tx.e.seq})
	return token, true
}

func (ks *keyspace) setLease(key []byte, x Lease) {
	if ks.leases.byKey == nil {
		ks.leases.byKey = make(map[string]Lease)
	}
	ks.leases.byKey[string(key)] = x
}

// Redeem ends the lease on key that has a token, and reports whether a value that was
// computed under it may be stored with these tags. One that was overtaken is ended as well:
// another client can have the next.
func (tx *Tx) Redeem(key []byte, token uint64, tags []string) bool {
	a := tx.find(tx.DB, key) // which ends what an invalidation has ended, and its lease
	ks := a.ks
	x, ok := ks.leases.byKey[string(key)]
	if !ok || x.Token != token || token == 0 {
		return false
	}
	good := ks.leases.good(x, tags...)
	if a.slot != nil && good {
		good = ks.leases.good(x, ks.tags.namesOf(itemAt(a).Ext())...)
	}
	tx.endLease(ks, key)
	return good
}

// Rest ends the lease on key that has a token, and has nobody get another one before a time,
// which may be now. It reports whether there was such a lease.
func (tx *Tx) Rest(key []byte, token uint64, untilMS int64) bool {
	a := tx.find(tx.DB, key) // as in Redeem
	ks := a.ks
	x, ok := ks.leases.byKey[string(key)]
	if !ok || x.Token != token || token == 0 {
		return false
	}
	tx.endLease(ks, key)
	if untilMS > tx.NowMS {
		ks.setLease(key, Lease{UntilMS: untilMS, seq: tx.e.seq})
	}
	return true
}

// EndLease ends the lease on key: what is computed under it comes too late.
func (tx *Tx) EndLease(key []byte) {
	s := tx.shard(tx.hash(key))
	tx.endLease(&s.dbs[tx.DB], key)
}

// eventLease has clients look again that wait for a key: the lease on it is over.
var eventLease = Event{Name: "lease", Beside: true, Wakes: true}

func (tx *Tx) endLease(ks *keyspace, key []byte) {
	if len(ks.leases.byKey) == 0 {
		return
	}
	if _, ok := ks.leases.byKey[string(key)]; ok {
		delete(ks.leases.byKey, string(key))
		if len(ks.leases.byKey) == 0 {
			ks.leases = leases{}
		}
		tx.tell(key, eventLease)
	}
}

// forgetLeases forgets leases that ran out long ago, looking at some.
func (ks *keyspace) forgetLeases(nowMS int64, most int) {
	for key, x := range ks.leases.byKey {
		if most--; most < 0 {
			return
		}
		if kept := int64(leaseKeptMS); x.UntilMS+kept < nowMS || x.Token == 0 && x.UntilMS < nowMS {
			delete(ks.leases.byKey, key)
		}
	}
	if len(ks.leases.byKey) == 0 {
		ks.leases = leases{}
	}
}

// minds does what a change of key means for its version and for a lease on it.
func (tx *Tx) minds(key []byte, ev Event) {
	if ev.Beside || ev == EventExpire || ev == EventPersist {
		return
	}
	hash := tx.hash(key)
	s := tx.shard(hash)
	ks := &s.dbs[tx.DB]
	if ev.Class&ClassGeneric == 0 {
		if slot := ks.keys.Find(hash, key); slot != nil {
			bump(itemAt(at{slot: slot}))
		}
	}
	tx.endLease(ks, key)
}
