package engine

import (
	"errors"
	"sync"
	"sync/atomic"

	"cached/engine/table"
	"cached/engine/value"
)

// A snapshot is the whole keyspace as it was at one moment, saved while commands run, without a copy of the
// memory. Each of the few snapshots that may run at once has a mark, a bit of every item. When a snapshot begins,
// under all locks, the meaning of its mark is inverted: every existing item then counts as not saved. From then on
// the snapshot walks the tables, a segment at a time under its shard's lock, and saves and marks the items it
// finds. New items are created with the mark. When a transaction is about to change an item without the mark
// (Tx.find, Tx.detach), it first has the item saved and marked, for every snapshot that has not saved it.
//
// The walker saves a huge value in parts and releases the lock in between. A command that would change such a
// value first asks MustWait and is run again later; a change without that question saves the rest of the value at
// once.

// Errors of a snapshot.
var (
	// ErrSnapshots: there are MaxSnapshots already.
	ErrSnapshots = errors.New("too many snapshots are being taken at once")
	// ErrFlushed: a database was flushed, which interrupts the snapshot.
	ErrFlushed = errors.New("a database was flushed while the snapshot was taken")
)

// A SnapshotSink takes what a Snapshot saves. Its methods are called under the
// lock of the key's shard, Item from any goroutine that runs transactions, several
// at a time. They must neither block for long nor call back. db is the number
// that the key's database had when the snapshot began.
type SnapshotSink interface {
	// Item saves a key and its value.
	Item(db int, v value.Ref)
	// Part saves a part of a huge value: the first one when cursor is 0, later
	// the one that begins at the cursor returned before. It reports done with
	// the last. Between two parts of a value come Items, but no other's Part.
	Part(db int, v value.Ref, cursor uint64) (next uint64, done bool)
	// Full reports whether so many saved bytes wait to be written that commands should run later instead of adding
	// to them.
	Full() bool
}

// A Snapshot is one that is being taken. Step and Close are called by one
// goroutine.
type Snapshot struct {
	e      *Engine
	sink   SnapshotSink
	i      int    // among the snapshots that are being taken
	offset int64  // in the stream of effects
	seq    uint64 // of the last invalidation before it

	shard int          // where Step continues
	db    int          // the number that the database where Step continues had at the start
	saved atomic.Int64 // keys
	total int          // keys at the start

	interrupted atomic.Bool

	mu   sync.Mutex // guards what follows; taken under shard locks
	huge []*hugeKey // still to be saved; the first may have begun
}

// A hugeKey is a key whose value is saved in parts.
type hugeKey struct {
	db     int
	key    string
	cursor uint64
	begun  bool
}

// MaxSnapshots is how many snapshots may be taken at once.
const MaxSnapshots = table.Marks

// StartSnapshot begins a snapshot of the keyspace as it is now. start, if not
// nil, is called at the very moment, while everything is locked.
func (e *Engine) StartSnapshot(sink SnapshotSink, start func()) (*Snapshot, error) {
	snap := &Snapshot{e: e, sink: sink, i: -1}
	e.lockAll()
	defer e.unlockAll()
	for i := range e.snaps {
		if e.snaps[i].Load() == nil {
			snap.i = i
			break
		}
	}
	if snap.i < 0 {
		return nil, ErrSnapshots
	}
	e.snaps[snap.i].Store(snap)
	e.taking.Add(1)
	snap.offset, snap.seq = e.effects.End(), e.seq
	for i := range e.shards {
		s := &e.shards[i]
		s.snaps[snap.i] = snap
		s.taken |= snap.bit()
		s.setAlert(alertTaken, true)
		s.marks ^= snap.bit()
		for j := range s.dbs {
			ks := &s.dbs[j]
			ks.origin[snap.i], ks.walked[snap.i] = j, 0
			snap.total += ks.keys.Len()
		}
	}
	if start != nil {
		start()
	}
	return snap, nil
}

// Offset is where in the stream of effects the snapshot begins: it has all effects
// before that, and none from there on.
func (snap *Snapshot) Offset() int64 { return snap.offset }

// bit is the snapshot's mark.
func (snap *Snapshot) bit() uint8 { return 1 << snap.i }

// has reports whether the snapshot need not save an item of s.
func (snap *Snapshot) has(s *shard, it table.Item) bool {
	return (it.Marks()^s.marks)&snap.bit() == 0
}

// mark notes that the snapshot need not save an item of s any more.
func (snap *Snapshot) mark(s *shard, it table.Item) {
	it.SetMarks(it.Marks()&^snap.bit() | s.marks&snap.bit())
}

// Progress returns how many keys were saved, and how many there are.
func (snap *Snapshot) Progress() (saved, total int) { return int(snap.saved.Load()), snap.total }

// Err returns ErrFlushed if the snapshot was interrupted: it is incomplete then.
func (snap *Snapshot) Err() error {
	if snap.interrupted.Load() {
		return ErrFlushed
	}
	return nil
}

// stepItems is the largest number of items that Step saves: another transaction waits some ten microseconds for
// the shard.
const stepItems = 32

// Step saves a little, under the lock of one shard, and reports whether there is
// more to do.
func (snap *Snapshot) Step() bool {
	if snap.stepHuge() {
		return true
	}
	if snap.shard == len(snap.e.shards) {
		return false
	}
	s := &snap.e.shards[snap.shard]
	s.mu.Lock()
	defer s.unlock()
	ks := snap.keyspace(s, snap.db)
	n := 0
	next := ks.keys.Walk(ks.walked[snap.i], func(slot table.Slot) {
		it := table.ItemOf(slot)
		if snap.has(s, it) || n == stepItems {
			return
		}
		if snap.gone(ks, it) {
			snap.mark(s, it)
			return
		}
		if !snap.interrupted.Load() && value.IsHuge(it) {
			snap.later(ks.origin[snap.i], it.Key(), false)
			return
		}
		snap.save(s, ks, slot)
		n++
	})
	if n == stepItems {
		return true // the rest of the segment comes next
	}
	if ks.walked[snap.i] = next; next == 0 {
		if snap.db++; snap.db == len(s.dbs) {
			snap.shard, snap.db = snap.shard+1, 0
		}
	}
	return true
}

// Close ends the snapshot, after the last Step or earlier. It walks over the items that were not saved, in steps
// as Step does.
func (snap *Snapshot) Close() {
	snap.interrupted.Store(true)
	for snap.Step() {
	}
	snap.e.lockAll()
	for i := range snap.e.shards {
		s := &snap.e.shards[i]
		s.snaps[snap.i] = nil
		s.taken &^= snap.bit()
		s.setAlert(alertTaken, s.taken != 0)
	}
	snap.e.snaps[snap.i].Store(nil)
	snap.e.taking.Add(-1)
	snap.e.unlockAll()
}

// interrupt stops the saving; all locks are held.
func (snap *Snapshot) interrupt() {
	if !snap.interrupted.Load() {
		snap.interrupted.Store(true)
	}
}

// gone reports whether an invalidation had ended an item of ks when the snapshot began.
func (snap *Snapshot) gone(ks *keyspace, it table.Item) bool {
	return ks.pending() && ks.killed(table.Hash(it.Key()), it, snap.seq)
}

// save saves an item of ks as a whole, or the rest of it, and marks it.
func (snap *Snapshot) save(s *shard, ks *keyspace, slot table.Slot) {
	it := table.ItemOf(slot)
	snap.mark(s, it)
	if snap.interrupted.Load() || snap.gone(ks, it) {
		return
	}
	snap.saved.Add(1)
	v := value.Ref{Heap: s.heap, Slot: slot}
	db := ks.origin[snap.i]
	if h := snap.begunHuge(db, it.Key()); h != nil {
		for done := false; !done; {
			h.cursor, done = snap.sink.Part(db, v, h.cursor)
		}
		return
	}
	snap.sink.Item(db, v)
}

// preserve has an item that may be about to change saved by all snapshots that have not
// saved it.
func (s *shard) preserve(ks *keyspace, slot table.Slot) {
	if s.taken == 0 || (table.ItemOf(slot).Marks()^s.marks)&s.taken == 0 {
		return
	}
	for _, snap := range s.snaps {
		if snap != nil && !snap.has(s, table.ItemOf(slot)) {
			snap.save(s, ks, slot)
		}
	}
}

// begunHuge takes the huge key of which parts were saved off the list, if it is
// this one. The next Step does not find it any more.
func (snap *Snapshot) begunHuge(db int, key []byte) *hugeKey {
	snap.mu.Lock()
	defer snap.mu.Unlock()
	if len(snap.huge) == 0 {
		return nil
	}
	h := snap.huge[0]
	// begun and cursor are guarded by the lock of the key's own shard.
	if h.db != db || h.key != string(key) || !h.begun {
		return nil
	}
	snap.huge = snap.huge[1:]
	return h
}

// later adds a huge value to the list of those to save, in front (but behind one whose saving has begun) if a
// command waits for it.
func (snap *Snapshot) later(db int, key []byte, soon bool) {
	snap.mu.Lock()
	defer snap.mu.Unlock()
	for i, h := range snap.huge {
		if h.db == db && h.key == string(key) {
			if soon && i > 1 {
				copy(snap.huge[2:i+1], snap.huge[1:i])
				snap.huge[1] = h
			}
			return
		}
	}
	h := &hugeKey{db: db, key: string(key)}
	snap.huge = append(snap.huge, h)
	if n := len(snap.huge); soon && n > 2 {
		copy(snap.huge[2:], snap.huge[1:n-1])
		snap.huge[1] = h
	}
}

// stepHuge saves a part of the first huge value, and reports whether there is
// one.
func (snap *Snapshot) stepHuge() bool {
	snap.mu.Lock()
	if len(snap.huge) == 0 {
		snap.mu.Unlock()
		return false
	}
	h := snap.huge[0]
	snap.mu.Unlock()

	key := []byte(h.key)
	hash := table.Hash(key)
	s := &snap.e.shards[snap.e.shardOf(hash)]
	s.mu.Lock()
	defer s.unlock()
	slot := snap.unsaved(s, h.db, hash, key)
	done := true // saved by the transaction that changed it, or no longer needed
	if slot != nil && !snap.interrupted.Load() {
		h.begun = true
		h.cursor, done = snap.sink.Part(h.db, value.Ref{Heap: s.heap, Slot: slot}, h.cursor)
		if done {
			snap.saved.Add(1)
		}
	}
	if done {
		if slot != nil {
			snap.mark(s, table.ItemOf(slot))
		}
		snap.mu.Lock()
		if len(snap.huge) > 0 && snap.huge[0] == h {
			snap.huge = snap.huge[1:]
		}
		snap.mu.Unlock()
	}
	return true
}

// unsaved finds a key that still has to be saved, or nil; db is the number its
// database had when the snapshot began.
func (snap *Snapshot) unsaved(s *shard, db int, hash uint64, key []byte) table.Slot {
	if slot := snap.keyspace(s, db).keys.Find(hash, key); slot != nil && !snap.has(s, table.ItemOf(slot)) {
		return slot
	}
	return nil
}

// keyspace is the shard's part of a database, wherever SWAPDB has put it since the
// snapshot began.
func (snap *Snapshot) keyspace(s *shard, origin int) *keyspace {
	i := 0
	for s.dbs[i].origin[snap.i] != origin {
		i++
	}
	return &s.dbs[i]
}

// Snapshotting reports whether a snapshot is being taken.
func (e *Engine) Snapshotting() bool { return e.taking.Load() > 0 }

// MustWait reports whether a command that may change key should run again later: a running snapshot has not saved
// the key yet, and its value is huge and will be saved next, or there is no room for the saved bytes. The key's
// shard is locked, and nothing was changed yet.
func (tx *Tx) MustWait(key []byte) (wait bool) {
	h := tx.hash(key)
	s := tx.shard(h)
	if s.taken == 0 {
		return false
	}
	ks := &s.dbs[tx.DB]
	slot := ks.keys.Find(h, key)
	if slot == nil {
		return false
	}
	it := table.ItemOf(slot)
	for _, snap := range s.snaps {
		switch {
		case snap == nil || snap.interrupted.Load() || snap.has(s, it):
		case !value.IsHuge(it):
			wait = wait || snap.sink.Full()
		default:
			snap.later(ks.origin[snap.i], key, true)
			wait = true
		}
	}
	return wait
}
