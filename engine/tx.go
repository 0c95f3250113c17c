package engine

import (
	"math/bits"
	"math/rand/v2"
	"time"

	"cached/engine/table"
	"cached/engine/value"
	"cached/eviction"
	"cached/internal/effects"
	"cached/internal/invariants"
)

// A Tx is one unit of work on the keyspace: it begins with a time and a database, takes locks, and sees and
// changes keys as of that time. One goroutine uses a Tx at a time; it is reused for later work. What its methods
// return aliases the data and is valid until the next change of that key or Unlock.
type Tx struct {
	// DB is the database that keys are looked up in.
	DB int
	// NowMS is the time of everything the Tx does, in Unix milliseconds.
	NowMS int64
	// NoTouch leaves access times alone.
	NoTouch bool
	// Counting counts look-ups as hits and misses.
	Counting bool
	// ReadOnly is for work that only reads: items it finds are not saved for a snapshot, as they would be before a
	// change.
	ReadOnly bool

	// Applying is for work that comes from a log or a primary: deadlines do not end keys,
	// since the effects say themselves when they end, and nothing is added to the stream.
	// Begin takes it back.
	Applying bool

	// GivesUp has LockKey and Lock wait for no longer than some microseconds: see Await.
	GivesUp bool
	// Ticket is the place in the queues of locks of whoever the Tx works for, or nil.
	Ticket *Ticket

	// Owner is the client or other origin of the work, for the engine's watchers.
	Owner any

	e       *Engine
	policy  *AccessPolicy
	clock   uint32 // the access word of this moment, under LRU
	one     int    // index of the locked shard if it is the only one; -1 otherwise
	kept    bool   // one was left locked by Keep
	divided bool   // see Divide
	own     int32  // 1 between BeginLong and Unlock
	claimed int32  // how many keys of want are claimed; if any, those shards are locked only for moments
	locked  shardSet
	lastKey *byte // whose hash lastHash is
	lastLen int
	last    uint64

	dirty    int
	explicit bool
	atomic   bool // effects are kept until CommitAtomic
	effects  []effects.Effect
	told     bool   // something was added to the stream
	key      []byte // a copy of a key that is about to be freed

	squeezer
	used bool // the squeezer, since Begin

	lacks      *shard // which lock could not lock last
	lacksClaim bool   // for a claim of a key
	lacksHash  uint64 // of that key
	lacksAny   bool   // it wanted all keys of the shard

	want     [maxClaims]uint64 // the hashes of the keys that Lock was given
	wants    int32
	many     bool // there are more, or all
	division *Division
	breath   time.Time // when Breathe let others in last
}

// A shardSet has a bit for each of at most 256 shards.
type shardSet [4]uint64

func (s *shardSet) add(i int)      { s[i>>6] |= 1 << (i & 63) }
func (s *shardSet) has(i int) bool { return s[i>>6]&(1<<(i&63)) != 0 }

// first returns the smallest member, or -1.
func (s *shardSet) first() int {
	for w, b := range s {
		if b != 0 {
			return w<<6 + bits.TrailingZeros64(b)
		}
	}
	return -1
}

// each calls f for every member in ascending order.
func (s *shardSet) each(f func(i int)) {
	for w, b := range s {
		for ; b != 0; b &= b - 1 {
			f(w<<6 + bits.TrailingZeros64(b))
		}
	}
}

// Begin starts a unit of work. No lock is held: one that was kept is given back.
func (tx *Tx) Begin(e *Engine, db int, nowMS int64) {
	tx.GiveBack()
	tx.begin(e, db, nowMS)
	tx.one, tx.lastKey = -1, nil
}

// BeginKey starts a unit of work about one key, a slice that the work will use, whose
// hash is known, and which LockKey locks next. A kept lock stays if it is that of the
// key's shard, and is given back if not.
func (tx *Tx) BeginKey(e *Engine, db int, nowMS int64, key []byte, hash uint64) {
	if !tx.kept || tx.one != e.shardOf(hash) {
		tx.GiveBack()
		tx.one = -1
	}
	tx.begin(e, db, nowMS)
	tx.Know(key, hash)
}

func (tx *Tx) begin(e *Engine, db int, nowMS int64) {
	tx.e, tx.DB, tx.NowMS = e, db, nowMS
	tx.policy = e.access.Load()
	tx.clock = eviction.LRU(nowMS)
	tx.NoTouch, tx.Counting, tx.ReadOnly, tx.Applying, tx.told = false, false, false, false, false
	if tx.used {
		tx.used = false
		tx.squeezer.end() // here, because not all work calls Unlock
	}
}

// Engine returns the engine the Tx works on.
func (tx *Tx) Engine() *Engine { return tx.e }

// Limits returns the thresholds between small and large collections.
func (tx *Tx) Limits() *value.Limits { return tx.e.limits.Load() }

func (tx *Tx) hash(key []byte) uint64 {
	if len(key) > 0 && &key[0] == tx.lastKey && len(key) == tx.lastLen {
		return tx.last
	}
	return table.Hash(key)
}

// Know passes the hash of key, a slice that the work will use.
func (tx *Tx) Know(key []byte, hash uint64) {
	tx.lastKey, tx.last = nil, hash
	if len(key) > 0 {
		tx.lastKey, tx.lastLen = &key[0], len(key)
	}
}

// LockKey locks the shard of the one key that the work is about. It reports false,
// with nothing locked, if the Tx gives up.
func (tx *Tx) LockKey(key []byte) bool {
	h := tx.hash(key)
	i := tx.e.shardOf(h)
	if tx.kept && i == tx.one {
		tx.kept = false
	} else {
		tx.GiveBack()
		s := &tx.e.shards[i]
		if locked := s.mu.TryLock(); !locked || s.special.Load() != 0 {
			if !tx.lockSlowly(s, h, locked) {
				return false
			}
		}
		tx.one = i
	}
	tx.Know(key, h)
	return true
}

// lockSlowly goes on with a shard that others have locked, or that is locked now while
// more than the lock is needed.
func (tx *Tx) lockSlowly(s *shard, hash uint64, locked bool) bool {
	hashes := [1]uint64{hash}
	return locked && tx.passes(s, hashes[:], false) || tx.waitFor(s, hashes[:], false)
}

// Keep ends the work like Unlock, but leaves its one shard locked if the key with that hash belongs to it, for
// work on that key that follows at once. It reports whether it does. Only BeginKey takes the lock over; Begin,
// GiveBack and Unlock release it. The caller calls one of these before it does anything else that may wait.
func (tx *Tx) Keep(hash uint64) bool {
	if tx.one < 0 || tx.one != tx.e.shardOf(hash) {
		return false
	}
	tx.kept = true
	tx.lastKey = nil
	return true
}

// A LockSet collects the shards of keys, to be locked together.
type LockSet struct {
	set    shardSet
	hashes [maxClaims]uint64 // of the keys
	n      int
	many   bool // there are more keys, or all
}

// Add adds the shard of key.
func (l *LockSet) Add(e *Engine, key []byte) {
	h := table.Hash(key)
	l.set.add(e.shardOf(h))
	if l.n == maxClaims {
		l.many = true
		return
	}
	l.hashes[l.n] = h
	l.n++
}

// AddAll adds every shard.
func (l *LockSet) AddAll(e *Engine) {
	l.many = true
	for i := range e.shards {
		l.set.add(i)
	}
}

// Lock locks the shards of l in ascending order. It reports false, with nothing
// locked, if the Tx gives up.
func (tx *Tx) Lock(l *LockSet) bool {
	tx.GiveBack() // locks are taken in ascending order
	given := false
	l.set.each(func(i int) {
		if !given && tx.lock(&tx.e.shards[i], l.hashes[:l.n], l.many) {
			tx.locked.add(i)
		} else {
			given = true
		}
	})
	if given {
		tx.Unlock()
		return false
	}
	tx.want, tx.wants, tx.many = l.hashes, int32(l.n), l.many
	return true
}

// Kept reports whether a lock was kept, and not taken over or given back since.
func (tx *Tx) Kept() bool { return tx.kept }

// GiveBack releases a lock that was kept.
func (tx *Tx) GiveBack() {
	if tx.kept {
		tx.e.shards[tx.one].unlock()
		tx.kept, tx.one, tx.lastKey = false, -1, nil
	}
}

// LockAll locks the whole keyspace, however long that takes. It is not for a Tx that gives up.
func (tx *Tx) LockAll() {
	tx.GiveBack()
	tx.e.lockAll()
	for i := range tx.e.shards {
		tx.locked.add(i)
	}
	tx.wants, tx.many = 0, true
}

// Holds reports whether all shards of l are locked by this Tx.
func (tx *Tx) Holds(l *LockSet) bool {
	if tx.loose() {
		return tx.claimsAll(l)
	}
	for w, b := range l.set {
		have := tx.locked[w]
		if tx.one >= 0 && tx.one>>6 == w {
			have |= 1 << (tx.one & 63)
		}
		if b&^have != 0 {
			return false
		}
	}
	return true
}

// Unlock releases all locks. All changes have been committed before.
func (tx *Tx) Unlock() {
	tx.kept, tx.lastKey = false, nil
	if i := tx.one; i >= 0 {
		tx.one = -1
		s := &tx.e.shards[i]
		s.mu.Unlock() // as shard.unlock
		if s.waiting.Load() != 0 {
			s.callWaiters()
		}
	}
	if tx.locked != (shardSet{}) {
		tx.unlockShards()
	}
	if tx.own|tx.claimed != 0 {
		tx.endSpecial()
	}
}

// endSpecial ends what few works have.
func (tx *Tx) endSpecial() {
	if tx.claimed != 0 {
		tx.unclaim()
	}
	if tx.own != 0 {
		tx.endLong()
	}
}

func (tx *Tx) unlockShards() {
	if tx.one >= 0 {
		tx.e.shards[tx.one].unlock()
		tx.one = -1
	}
	if tx.locked != (shardSet{}) {
		set := tx.locked
		tx.locked, tx.wants = shardSet{}, 0
		set.each(func(i int) { tx.e.shards[i].unlock() })
	}
}

// shard returns the locked shard of a hash.
func (tx *Tx) shard(hash uint64) *shard {
	i := tx.e.shardOf(hash)
	if invariants.Enabled {
		invariants.Check(i == tx.one || tx.locked.has(i), "key used without its shard's lock")
	}
	return &tx.e.shards[i]
}

// at is where a key is or would be.
type at struct {
	s    *shard
	ks   *keyspace
	hash uint64
	slot table.Slot // nil: no such key
}

func itemAt(a at) table.Item { return table.ItemOf(a.slot) }

// find looks a key up, and removes it if its deadline has passed or an invalidation has ended it.
func (tx *Tx) find(db int, key []byte) at {
	h := tx.hash(key)
	if tx.divided {
		return tx.findApart(db, key, h)
	}
	s := tx.shard(h)
	a := at{s: s, ks: &s.dbs[db], hash: h}
	a.slot = a.ks.keys.Find(h, key)
	if a.slot != nil {
		it := table.ItemOf(a.slot)
		if d := it.DeadlineMS(); d != 0 && tx.NowMS > d && !tx.Applying {
			if !tx.hides() && !s.claimedByOther(tx, h) {
				tx.expire(db, key, a)
			}
			a.slot = nil
		} else if (s.alert != 0 || it.Special()) && tx.examine(db, key, a) {
			a.slot = nil
		}
	}
	return a
}

// hides reports whether a key past its deadline is hidden from the work instead of removed.
// That is so for work that only reads, on a replica, where the primary removes keys, and
// while Hold keeps all keys.
func (tx *Tx) hides() bool {
	return tx.ReadOnly && (tx.e.role.Load() == int32(Replica) || tx.NowMS < tx.e.heldMS.Load())
}

// lookup finds a key for a command, and counts and remembers the access.
func (tx *Tx) lookup(key []byte) at {
	a := tx.count(key)
	if a.slot != nil && !tx.NoTouch {
		tx.touch(&a)
	}
	return a
}

// count finds a key, and counts a hit or a miss.
func (tx *Tx) count(key []byte) at {
	a := tx.find(tx.DB, key)
	if !tx.Counting {
		return a
	}
	if a.slot == nil {
		tx.missed(&a, key)
		return a
	}
	a.s.stats.Hits++
	if set := tx.policy.Prefixes; set != nil {
		if p := a.s.prefixes.of(set, key); p != nil {
			p.Hits++
		}
	}
	if h := mrcHash(a.hash, tx.DB); tx.e.curve.follows(h) {
		tx.e.curve.used(h, tx.policy.Prefixes, key, table.ItemOf(a.slot))
	}
	return a
}

// touch remembers an access to the item at a.
func (tx *Tx) touch(a *at) {
	it := table.ItemOf(a.slot)
	switch p := tx.policy; {
	case p.Order == Auto:
		it.SetAccess(a.s.auto().Touch(it.Access(), a.hash))
	case p.LFU:
		it.SetAccess(eviction.LFUTouch(it.Access(), tx.NowMS, p.LogFactor, p.DecayMinutes, rand.Uint32()))
	case p.Order == LRM && tx.ReadOnly:
	case it.Access() != tx.clock:
		it.SetAccess(tx.clock)
	}
}

// newAccess is the access word of a key that is created now at a.
func (tx *Tx) newAccess(a *at) uint32 {
	switch p := tx.policy; {
	case p.Order == Auto:
		return a.s.auto().Insert(a.hash)
	case p.LFU:
		return eviction.LFU(tx.NowMS, eviction.LFUStart)
	}
	return tx.clock
}

// insert adds a new item at a, where there is none, and notifies watchers that the key is new.
func (tx *Tx) insert(db int, a *at, it table.Item) {
	tx.add(db, a, it)
	if len(tx.e.watchers) > 0 {
		saved := tx.DB
		tx.DB = db
		tx.tell(it.Key(), EventNew)
		tx.DB = saved
	}
}

// add adds an item at a, where there is none.
func (tx *Tx) add(db int, a *at, it table.Item) {
	it.SetMarks(a.s.marks)
	a.slot = a.ks.keys.Insert(a.s.heap, a.hash, it)
	if a.s.alert&alertPurge != 0 {
		tx.anew(a, it.Key())
	}
	if tx.policy.Order == Auto && a.s.found.n < keptCandidates {
		// A new item may have the lowest rank.
		a.s.found.add(candidate{db: db, hash: a.hash, addr: it.Addr()})
	}
	if it.DeadlineMS() != 0 {
		a.ks.expires++
	}
	if isPinned(it) {
		a.ks.pinned++
	}
	if it.HasParts() {
		a.ks.haveParts(value.TypeOf(it))
		a.ks.marked++
	}
	if h := mrcHash(a.hash, db); tx.e.curve.follows(h) {
		// Only its own block: the other blocks of a value do not exist yet in an item that Create makes; they are
		// counted at later accesses.
		tx.e.curve.stored(h, int64(it.Bytes())+indexBytes, it.DeadlineMS())
	}
}

// detach takes the item at a out of its table and returns it.
func (tx *Tx) detach(a *at) table.Item {
	it := table.ItemOf(a.slot)
	a.s.preserve(a.ks, a.slot)
	if it.DeadlineMS() != 0 {
		a.ks.expires--
	}
	if it.HasParts() {
		a.ks.marked--
	}
	if isPinned(it) {
		a.ks.pinned--
	}
	a.ks.keys.Delete(a.s.heap, a.hash, a.slot)
	a.slot = nil
	return it
}

// remove removes the key at a; Maintain frees large values if lazy, and huge ones always.
func (tx *Tx) remove(a *at, lazy bool) {
	for _, w := range tx.e.removals {
		w.Removing(tx, a.s.number(a.ks), table.ItemOf(a.slot))
	}
	it := tx.detach(a)
	if it.Extended() {
		tx.untag(a, it)
	}
	if n := value.FreeEffort(it); n > lazyFreeThreshold && (lazy || n > freeAtOnce) {
		tx.e.later(a.s, task{item: it})
		return
	}
	value.Free(a.s.heap, it)
}

// setDeadline changes the deadline of the item at a; 0 takes it away.
func (tx *Tx) setDeadline(a *at, deadlineMS int64) {
	it := table.ItemOf(a.slot)
	had := it.DeadlineMS() != 0
	it = it.Reshape(a.s.heap, it.ValueLen(), deadlineMS)
	table.SetItem(a.slot, it)
	switch has := deadlineMS != 0; {
	case has && !had:
		a.ks.expires++
	case had && !has:
		a.ks.expires--
	}
}
