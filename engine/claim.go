package engine

import (
	"slices"
	"sync"
	"time"

	"cached/engine/table"
	"cached/engine/value"
)

// Work that takes long does not hold locks of shards for all of that time, since a shard
// has many keys that it has no business with. It claims its keys instead, and locks their
// shards for moments. Whoever wants a claimed key waits as for a lock; what concerns a
// shard as a whole (expiry, eviction, moving blocks) leaves it alone while a key of it is
// claimed, and whoever locks all shards waits for the claims.
//
// A script claims between two of its commands (Loosen). A command that reads a
// huge value cannot say when it might; it is divided (Divide), and somebody who sees that
// it takes long loosens it while it runs (Loosen of its Division). What a divided command
// finds in tables of keys, which others change from then on, it is given a copy of.

// maxClaims is how many keys a work may claim. With more it keeps its locks.
const maxClaims = 16

// A claim is a key that a work has for itself.
type claim struct {
	hash uint64
	by   *Tx
}

type claims []claim

func (all claims) has(hash uint64) bool {
	return slices.ContainsFunc(all, func(c claim) bool { return c.hash == hash })
}

// claimedByOther reports whether another Tx claims a key. The shard is locked.
func (s *shard) claimedByOther(tx *Tx, hash uint64) bool {
	return s.special.Load() != 0 && slices.ContainsFunc(s.claims, func(c claim) bool { return c.hash == hash && c.by != tx })
}

// lockAll locks all shards, when nothing is claimed.
func (e *Engine) lockAll() {
	e.long.whole.Add(1)
	defer e.long.whole.Add(-1)
	for n := 0; ; n++ {
		claimed := false
		for i := range e.shards {
			e.shards[i].mu.Lock()
			claimed = claimed || len(e.shards[i].claims) > 0
		}
		if !claimed {
			return
		}
		e.unlockAll()
		breathe(n)
	}
}

func (e *Engine) unlockAll() {
	for i := range e.shards {
		e.shards[i].unlock()
	}
}

// A Division is a Tx whose work can be loosened while it runs.
type Division struct {
	tx *Tx

	mu sync.Mutex // guards what follows, and the Tx's locks while it is divided
	on bool       // the Tx is divided
}

// loose reports whether the Tx has claims in place of locks.
func (tx *Tx) loose() bool { return tx.claimed != 0 }

// Loose reports whether the Tx has claims in place of locks: what it does to keys stands between
// Relock and Relax.
func (tx *Tx) Loose() bool { return tx.loose() }

// Loosen exchanges the locks of a Tx for claims of its keys. It reports false if the Tx keeps its
// locks, since it has too many keys or all of them.
func (tx *Tx) Loosen() bool {
	if tx.loose() {
		return true
	}
	e := tx.e
	if tx.one >= 0 {
		tx.want[0], tx.wants, tx.many = tx.last, 1, false
	}
	if tx.many || tx.wants == 0 || e.long.insistsOnAll() || e.long.whole.Load() > 0 {
		return false
	}
	for _, h := range tx.want[:tx.wants] {
		s := &e.shards[e.shardOf(h)]
		s.claims = append(s.claims, claim{h, tx})
		s.special.Add(1)
	}
	n := tx.wants
	tx.unlockShards()
	tx.claimed, tx.wants = n, n
	return true
}

// unclaim gives the claims back. The Tx has no locks.
func (tx *Tx) unclaim() {
	e := tx.e
	for _, h := range tx.want[:tx.claimed] {
		s := &e.shards[e.shardOf(h)]
		s.mu.Lock()
		i := slices.IndexFunc(s.claims, func(c claim) bool { return c.hash == h && c.by == tx })
		s.claims = slices.Delete(s.claims, i, i+1)
		s.special.Add(-1)
		q := &s.queue
		q.mu.Lock()
		q.claimed = slices.DeleteFunc(q.claimed, func(t *Ticket) bool {
			if t.hash != h {
				return false
			}
			q.lock = append(q.lock, t)
			return true
		})
		slices.SortFunc(q.lock, func(a, b *Ticket) int { return int(a.seq - b.seq) })
		s.waiting.Store(int32(len(q.lock)))
		q.mu.Unlock()
		s.unlock()
	}
	tx.claimed, tx.wants, tx.breath = 0, 0, time.Time{}
}

// claimsAll reports whether a Tx that is loose claims all keys of l.
func (tx *Tx) claimsAll(l *LockSet) bool {
	if l.many {
		return false
	}
	for _, h := range l.hashes[:l.n] {
		if !slices.Contains(tx.want[:tx.claimed], h) {
			return false
		}
	}
	return true
}

// Relock has a loose Tx hold the locks of l, keys that it claims, until Relax. If it is not
// loose, or does not claim them, nothing happens.
func (tx *Tx) Relock(l *LockSet) {
	if tx.loose() && tx.claimsAll(l) {
		tx.relock(l.set)
	}
}

// Relax gives back what Relock has locked.
func (tx *Tx) Relax() {
	if tx.loose() {
		tx.unlockShards()
	}
}

// IsHuge reports whether there is a huge value at key, whose shard is locked.
func (tx *Tx) IsHuge(key []byte) bool {
	h := tx.hash(key)
	slot := tx.shard(h).dbs[tx.DB].keys.Find(h, key)
	return slot != nil && value.IsHuge(table.ItemOf(slot))
}

// Use counts that a command looks a key up that it is going to read, before Divide.
func (tx *Tx) Use(key []byte) { tx.lookup(key) }

// Divide has what the Tx does from now on, until Join, be such that it can be loosened at
// any moment. It only reads, and looks up no key for which Use was not called: look-ups are not
// counted any more.
func (tx *Tx) Divide() *Division {
	if tx.division == nil {
		tx.division = &Division{tx: tx}
	}
	d := tx.division
	d.mu.Lock()
	d.on = true
	d.mu.Unlock()
	tx.divided, tx.Counting, tx.NoTouch = true, false, true
	return d
}

// Loosen loosens the Tx, if it still runs what it was divided for. Anybody may call it.
func (d *Division) Loosen() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.on {
		d.tx.Loosen()
	}
}

// Join ends the division: the work has ended, but for Commit and Unlock.
func (tx *Tx) Join() {
	if tx.divided {
		tx.division.mu.Lock()
		tx.division.on = false
		tx.division.mu.Unlock()
		tx.divided = false
	}
}

// findApart is find for a divided Tx: with the lock of the key's shard held. What it
// returns is independent of the tables.
func (tx *Tx) findApart(db int, key []byte, hash uint64) at {
	d := tx.division
	d.mu.Lock()
	defer d.mu.Unlock()
	tx.divided = false
	loose := tx.loose()
	if loose {
		i := tx.e.shardOf(hash)
		s := &tx.e.shards[i]
		s.mu.Lock() // the key is the Tx's own
		tx.one = i
		defer func() {
			tx.one = -1
			s.unlock()
		}()
	}
	a := tx.find(db, key)
	tx.divided = true
	if a.slot != nil {
		slot := *a.slot
		a.slot = &slot
	}
	return a
}

// Rejoin ends the division of a Tx that goes on to write: it holds the locks of its keys
// again.
func (tx *Tx) Rejoin() {
	tx.Join()
	if tx.loose() {
		tx.relockAll()
	}
}

func (tx *Tx) relockAll() {
	var set shardSet
	for _, h := range tx.want[:tx.claimed] {
		set.add(tx.e.shardOf(h))
	}
	tx.relock(set)
}

// relock locks shards of keys that the Tx claims.
func (tx *Tx) relock(set shardSet) {
	set.each(func(i int) {
		if !tx.locked.has(i) && tx.lock(&tx.e.shards[i], nil, false) {
			tx.locked.add(i)
		}
	})
}

// breatheEvery is how long work holds locks that it could give others in between.
const breatheEvery = 2 * time.Millisecond

// Breathe lets others use the shards of a Tx that makes a large value at a key, if it has
// held them for long. It returns the value's Ref, which may be another one then. What is
// found in the keyspace otherwise is void.
func (tx *Tx) Breathe(key []byte, r value.Ref) value.Ref {
	now := time.Now()
	if tx.breath.IsZero() {
		tx.breath = now
	}
	if now.Sub(tx.breath) < breatheEvery || tx.atomic {
		return r
	}
	if !tx.loose() {
		if !tx.Loosen() {
			return r
		}
	} else {
		tx.unlockShards()
		tx.wants = tx.claimed
	}
	time.Sleep(10 * time.Microsecond) // who waits is told, and may take the locks
	tx.relockAll()
	tx.breath = time.Now()
	a := tx.find(tx.DB, key)
	return value.Ref{Heap: a.s.heap, Slot: a.slot, Marked: &a.ks.marked}
}
