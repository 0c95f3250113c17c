package engine

import (
	"math/rand/v2"

	"cached/engine/table"
	"cached/engine/value"
	"cached/internal/invariants"
)

// Exists reports whether key is there; it is a hit or a miss, and no access.
func (tx *Tx) Exists(key []byte) bool { return tx.count(key).slot != nil }

// Touch reports whether key is there, for a command that may change it: it is neither a
// hit nor a miss, and yet an access, though not yet a change.
func (tx *Tx) Touch(key []byte) bool {
	a := tx.find(tx.DB, key)
	if a.slot != nil && !tx.NoTouch && tx.policy.Order != LRM {
		tx.touch(&a)
	}
	return a.slot != nil
}

// Peek returns the item at key, or the zero Item, without counting an access.
func (tx *Tx) Peek(key []byte) table.Item {
	if a := tx.find(tx.DB, key); a.slot != nil {
		return table.ItemOf(a.slot)
	}
	return table.Item{}
}

// Look is Peek, and yet it counts a hit or a miss.
func (tx *Tx) Look(key []byte) table.Item {
	if a := tx.count(key); a.slot != nil {
		return table.ItemOf(a.slot)
	}
	return table.Item{}
}

// PeekIn is Peek in another database.
func (tx *Tx) PeekIn(db int, key []byte) table.Item {
	if a := tx.find(db, key); a.slot != nil {
		return table.ItemOf(a.slot)
	}
	return table.Item{}
}

// Value returns the item at key, of whatever type, and whether it is there; it
// counts as an access.
func (tx *Tx) Value(key []byte) (table.Item, bool) {
	a := tx.lookup(key)
	if a.slot == nil {
		return table.Item{}, false
	}
	return table.ItemOf(a.slot), true
}

// Ref returns the value at key, which must be of type t, or the zero Ref when
// the key is not there.
func (tx *Tx) Ref(key []byte, t value.Type) (value.Ref, error) {
	a := tx.lookup(key)
	if a.slot == nil {
		return value.Ref{}, nil
	}
	if value.TypeOf(table.ItemOf(a.slot)) != t {
		return value.Ref{}, ErrWrongType
	}
	return value.Ref{Heap: a.s.heap, Slot: a.slot, Marked: &a.ks.marked}, nil
}

// FieldsExpire records that the hash or set at key, which exists, has fields or members with deadlines, so that
// Maintain looks for them.
func (tx *Tx) FieldsExpire(key []byte) {
	a := tx.find(tx.DB, key)
	a.ks.haveParts(value.TypeOf(table.ItemOf(a.slot)))
}

// haveParts notes that an item of type t has parts with deadlines.
func (ks *keyspace) haveParts(t value.Type) {
	ks.parts, ks.sweep.seen = true, true
	if t == value.Hash {
		ks.fields, ks.sweep.fields = true, true
	}
}

// Create makes a key that is not there, with a value of valueLen undefined
// bytes that the caller fills in, and returns it.
func (tx *Tx) Create(key []byte, t value.Type, e value.Encoding, valueLen int) value.Ref {
	r := tx.create(key, t, e, valueLen)
	tx.tell(key, EventNew)
	return r
}

func (tx *Tx) create(key []byte, t value.Type, e value.Encoding, valueLen int) value.Ref {
	h := tx.hash(key)
	s := tx.shard(h)
	a := at{s: s, ks: &s.dbs[tx.DB], hash: h}
	it := table.NewItem(s.heap, value.Kind(t, e), tx.newAccess(&a), key, valueLen, 0)
	tx.add(tx.DB, &a, it)
	return value.Ref{Heap: s.heap, Slot: a.slot, Marked: &a.ks.marked}
}

// Replace removes the key, if it exists, and creates it as Create does, without a deadline. Watchers are not
// notified of a new key if it overwrites one.
func (tx *Tx) Replace(key []byte, t value.Type, e value.Encoding, valueLen int) value.Ref {
	if a := tx.find(tx.DB, key); a.slot != nil {
		pinned := isPinned(table.ItemOf(a.slot))
		tx.remove(&a, false)
		r := tx.create(key, t, e, valueLen)
		if pinned {
			a.slot = r.Slot
			tx.repin(&a, true)
		}
		return r
	}
	return tx.Create(key, t, e, valueLen)
}

// Delete removes key and reports whether it existed. It notifies no watcher of the change: callers call Modified
// after it.
func (tx *Tx) Delete(key []byte) bool {
	a := tx.find(tx.DB, key)
	if a.slot == nil {
		tx.endLease(a.ks, key)
		return false
	}
	tx.remove(&a, false)
	tx.left(&a, tx.DB, wasDeleted)
	return true
}

// Unlink is Delete that leaves a large value to Maintain.
func (tx *Tx) Unlink(key []byte) bool {
	a := tx.find(tx.DB, key)
	if a.slot == nil {
		tx.endLease(a.ks, key)
		return false
	}
	tx.remove(&a, true)
	tx.left(&a, tx.DB, wasDeleted)
	return true
}

// Deadline returns when key expires in Unix milliseconds, 0 for never, and
// whether the key is there. It is a hit or a miss, and no access.
func (tx *Tx) Deadline(key []byte) (deadlineMS int64, exists bool) {
	a := tx.count(key)
	if a.slot == nil {
		return 0, false
	}
	return table.ItemOf(a.slot).DeadlineMS(), true
}

// ExpireAt sets when key expires (not 0) and reports whether the key is there.
func (tx *Tx) ExpireAt(key []byte, deadlineMS int64) bool {
	a := tx.find(tx.DB, key)
	if a.slot == nil {
		return false
	}
	tx.setDeadline(&a, deadlineMS)
	return true
}

// Persist takes the deadline from key and reports whether it had one.
func (tx *Tx) Persist(key []byte) bool {
	a := tx.find(tx.DB, key)
	if a.slot == nil || table.ItemOf(a.slot).DeadlineMS() == 0 {
		return false
	}
	tx.setDeadline(&a, 0)
	return true
}

// Rename moves the value and deadline of from, which must exist, to the key to, which it overwrites. Within a
// shard only the item's name changes; between shards, which have separate heaps, the value is copied.
func (tx *Tx) Rename(from, to []byte) {
	src := tx.find(tx.DB, from)
	m, has := tx.metaToMove(&src)
	it := tx.detach(&src)
	tx.left(&src, tx.DB, wasDeleted)
	dst := tx.find(tx.DB, to)
	if dst.slot != nil {
		tx.remove(&dst, true)
	}
	var renamed table.Item
	if src.s == dst.s {
		renamed = table.NewItemLike(dst.s.heap, it, to, it.DeadlineMS())
		copy(renamed.Value(), it.Value())
		it.Free(src.s.heap)
	} else {
		renamed = value.Copy(dst.s.heap, it, to, it.DeadlineMS())
		value.Free(src.s.heap, it)
	}
	tx.insert(tx.DB, &dst, renamed)
	tx.arrived(&dst, &m, has)
}

// metaToMove takes the metadata from the item at a, which is about to get another key or
// database, for arrived. It reports whether there is any.
func (tx *Tx) metaToMove(a *at) (m Meta, has bool) {
	it := table.ItemOf(a.slot)
	if !it.Extended() && a.s.alert&alertPurge == 0 {
		return m, false
	}
	a.s.preserve(a.ks, a.slot)
	if m = a.s.fullMeta(a.ks, a.hash, it); m.IsZero() {
		return m, false
	}
	tx.extend(a, &Meta{})
	return m, true
}

// arrived gives the item at a, which comes from elsewhere, its metadata.
func (tx *Tx) arrived(a *at, m *Meta, has bool) {
	if has {
		tx.extend(a, m)
	}
	tx.moved(table.ItemOf(a.slot))
}

// Move moves key to another database and reports whether it did: it must be
// there and not in the other.
func (tx *Tx) Move(key []byte, db int) bool {
	src, dst := tx.find(tx.DB, key), tx.find(db, key)
	if src.slot == nil || dst.slot != nil {
		return false
	}
	m, has := tx.metaToMove(&src)
	it := tx.detach(&src)
	tx.insert(db, &dst, it)
	tx.arrived(&dst, &m, has)
	return true
}

// Copy copies the value and deadline of from to the key to of database db, and overwrites that key if replace is
// set. It reports whether it copied.
func (tx *Tx) Copy(from, to []byte, db int, replace bool) bool {
	src := tx.lookup(from)
	if src.slot == nil {
		return false
	}
	dst := tx.find(db, to)
	if dst.slot != nil {
		if !replace {
			return false
		}
		tx.remove(&dst, true)
		src = tx.find(tx.DB, from) // the removal may have moved its slot
	}
	it := table.ItemOf(src.slot)
	c := value.Copy(dst.s.heap, it, to, it.DeadlineMS())
	if c.Extended() {
		c = c.Extend(dst.s.heap, nil)
	}
	m := src.s.fullMeta(src.ks, src.hash, it)
	m.Pinned = false
	c.SetAccess(tx.newAccess(&dst))
	tx.insert(db, &dst, c)
	tx.arrived(&dst, &m, !m.IsZero())
	return true
}

// within calls visit while shard i is locked: by the Tx already, or for this call only. Removals by visit are
// committed. It reports false, and does not call visit, if the Tx gives up.
func (tx *Tx) within(i int, visit func(*shard)) bool {
	s := &tx.e.shards[i]
	if tx.locked.has(i) || i == tx.one {
		visit(s)
		return true
	}
	invariants.Check(tx.one < 0 && tx.locked == shardSet{}, "shards are locked one after the other with others held")
	if !tx.lock(s, nil, false) {
		return false
	}
	tx.one = i
	visit(s)
	tx.Commit(nil)
	s.unlock()
	tx.one, tx.lastKey = -1, nil
	return true
}

// Len returns the number of keys in the database, including expired ones that have not been removed yet. Unless
// the Tx has locked the whole keyspace, shards are locked one after the other; the same is true of Scan, Each and
// RandomKey. Len fails with ErrBusy if the Tx gives up.
func (tx *Tx) Len() (n int, err error) {
	for i := range tx.e.shards {
		if !tx.within(i, func(s *shard) { n += s.dbs[tx.DB].keys.Len() }) {
			return 0, ErrBusy
		}
	}
	return n, nil
}

// Scan visits about count keys of the database, from cursor on, and returns the next cursor, 0 at the end;
// table.Table.Scan has the guarantees. Expired and invalidated keys are removed and not visited. visit must not change the
// keyspace, and the item is valid until visit returns.
func (tx *Tx) Scan(cursor uint64, count int, visit func(table.Item)) (uint64, error) {
	return tx.scanShards(cursor, &count, func(s *shard, cursor uint64) uint64 {
		var ended [][]byte
		ks := &s.dbs[tx.DB]
		next := ks.keys.Scan(cursor, count, func(it table.Item) {
			count--
			if tx.lives(ks, it) {
				visit(it)
			} else {
				ended = append(ended, append([]byte(nil), it.Key()...))
			}
		})
		for _, key := range ended {
			tx.find(tx.DB, key) // removes it
		}
		return next
	})
}

// scanShards calls scan for one shard after the other, from that of cursor on, until left is used up, and returns the
// next cursor, 0 at the end. scan returns the cursor up to which it has come in its shard, or that of the next shard.
func (tx *Tx) scanShards(cursor uint64, left *int, scan func(s *shard, cursor uint64) uint64) (uint64, error) {
	const all = 1 << 48
	for cursor < all {
		ok := tx.within(int(cursor>>(48-tx.e.shardBits)), func(s *shard) { cursor = scan(s, cursor) })
		switch {
		case !ok:
			return 0, ErrBusy
		case cursor < all && *left <= 0:
			return cursor, nil
		}
	}
	return 0, nil
}

// lives reports whether an item of ks is still a key: its deadline has not passed, and no
// invalidation has ended it.
func (tx *Tx) lives(ks *keyspace, it table.Item) bool {
	if d := it.DeadlineMS(); d != 0 && tx.NowMS > d {
		return false
	}
	return !ks.pending() || !ks.killed(table.Hash(it.Key()), it, tx.e.seq)
}

// eachMost is how many keys Each visits before it releases the shard for a moment.
const eachMost = 4096

// Each visits all keys of the database that have not expired until visit returns false. visit must not change the
// keyspace, and the item is valid until visit returns. It waits for locks, also if the Tx gives up, unless callers
// are to be refused (GivingUp): then it returns ErrBusy.
func (tx *Tx) Each(visit func(table.Item) bool) error {
	for i, more := 0, true; more && i < len(tx.e.shards); i++ {
		cursor := uint64(0)
		for n, done := 0, false; more && !done; n++ {
			ok := tx.within(i, func(s *shard) { cursor, more = tx.eachFrom(s, cursor, visit) })
			switch {
			case ok:
				n, done = 0, cursor == 0
			case tx.e.GivingUp():
				return ErrBusy
			default:
				breathe(n)
			}
		}
	}
	return nil
}

// eachFrom visits some keys of a shard from a cursor on, 0 at first, and returns the next
// cursor, 0 at the end.
func (tx *Tx) eachFrom(s *shard, cursor uint64, visit func(table.Item) bool) (next uint64, more bool) {
	ks := &s.dbs[tx.DB]
	t := &ks.keys
	from, seen := cursor, 0
	for more = true; more && seen < eachMost; {
		cursor = t.Walk(cursor, func(slot table.Slot) {
			it := table.ItemOf(slot)
			seen++
			// Since the last call segments may have become one, of which a part was visited.
			if !more || from != 0 && table.Hash(it.Key())<<t.Skip() < from {
				return
			}
			if tx.lives(ks, it) {
				more = visit(it)
			}
		})
		if cursor == 0 {
			break
		}
		from = 0
	}
	return cursor, more
}

// RandomKey returns a copy of a key of the database such that each is as likely as any
// other, or nil if there is none. Where keys past their deadline are kept, and there is
// hardly another, it may be one of them, as in Redis.
func (tx *Tx) RandomKey() ([]byte, error) {
	var last []byte
	for range 100 { // unless all it meets have expired
		n, err := tx.Len()
		if n == 0 || err != nil {
			return nil, err
		}
		r := rand.IntN(n)
		var key []byte
		met := false
		for i := 0; i < len(tx.e.shards) && !met; i++ {
			ok := tx.within(i, func(s *shard) {
				ks := &s.dbs[tx.DB]
				t := &ks.keys
				if r >= t.Len() {
					r -= t.Len()
					return
				}
				met = true
				it := t.Random(rand.Uint64)
				key = append([]byte{}, it.Key()...) // not nil, though it may be empty
				if !tx.lives(ks, it) {
					tx.find(tx.DB, key) // which removes it, or hides it
					if last = nil; tx.hides() {
						last = key
					}
					key = nil
				}
			})
			if !ok {
				return nil, ErrBusy
			}
		}
		if key != nil {
			return key, nil
		}
	}
	return last, nil
}

// Flush removes all keys of a database, or of all databases when db is -1, and returns how many there were. With
// async, Maintain frees the memory. The Tx holds the whole keyspace.
func (tx *Tx) Flush(db int, async bool) (n int) {
	first, end := db, db+1
	if db < 0 {
		first, end = 0, tx.e.databases
	}
	for i := range tx.e.snaps {
		if snap := tx.e.snaps[i].Load(); snap != nil {
			snap.interrupt()
		}
	}
	for i := range tx.e.shards {
		s := &tx.e.shards[i]
		rest := 0
		for j := range s.dbs {
			if j < first || j >= end {
				rest += s.dbs[j].keys.Len()
			}
		}
		for j := first; j < end; j++ {
			n += s.dbs[j].keys.Len()
		}
		switch {
		case rest == 0 && len(s.tasks) == 0:
			// The heap holds nothing but these keys: free it as a whole.
			s.resetHeap(tx.e, async)
			for j := first; j < end; j++ {
				s.dbs[j].keys.Init(int(tx.e.shardBits))
			}
		default:
			for j := first; j < end; j++ {
				s.dropTable(tx.e, &s.dbs[j].keys, async)
			}
		}
		s.gone.clear()
		for j := first; j < end; j++ {
			s.dbs[j].expires, s.dbs[j].parts, s.dbs[j].fields, s.dbs[j].marked, s.dbs[j].pinned = 0, false, false, 0, 0
			s.dbs[j].tags, s.dbs[j].purges, s.dbs[j].leases = tagTable{}, purges{}, leases{}
		}
		s.watchPurges(tx.e)
	}
	if !async {
		tx.e.pool.Trim()
	}
	tx.e.curve.clear()
	for _, w := range tx.e.watchers {
		w.Flushed(tx, db)
	}
	tx.dirty += n
	return n
}

// SwapDB exchanges two databases. The whole keyspace is locked.
func (tx *Tx) SwapDB(a, b int) {
	for i := range tx.e.shards {
		s := &tx.e.shards[i]
		s.dbs[a], s.dbs[b] = s.dbs[b], s.dbs[a]
		s.gone.clear()
	}
	tx.e.codec.AllMoved()
	tx.e.curve.clear()
	for _, w := range tx.e.watchers {
		w.Swapped(tx, a, b)
	}
	tx.dirty++
}

// Hash is the hash of a key, by which it has its shard and its place there.
func Hash(key []byte) uint64 { return table.Hash(key) }
