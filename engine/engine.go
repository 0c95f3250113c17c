package engine

import (
	"errors"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"

	"cached/engine/arena"
	"cached/engine/codec"
	"cached/engine/table"
	"cached/engine/value"
	"cached/eviction"
	"cached/internal/effects"
	"cached/internal/invariants"
)

// Errors of the engine; commands give them a code and a text.
var (
	// ErrWrongType: the key holds a value of another type.
	ErrWrongType = errors.New("wrong type")
	// ErrBusy: the Tx has given up waiting for a lock: see Await.
	ErrBusy = errors.New("busy")
	// ErrNoDatabase: there is no database with that index.
	ErrNoDatabase = errors.New("no such database")
)

// Options say how an Engine is built.
type Options struct {
	// Databases is how many there are; 0 means 16.
	Databases int
	// Shards is rounded up to a power of two from 1 to 256. 0 means four for
	// each processor, at least 8: enough that two requests rarely want the
	// same one. Each costs some memory in partly used slabs.
	Shards int
	// HugePagesFrom is the amount of data in bytes beyond which new memory
	// asks for huge pages; 0 means never. They save up to a third of the
	// time of a random access and cost up to 2 MiB a shard.
	HugePagesFrom int64
	// Effects is the stream that changes are added to; nil is a new one.
	Effects *effects.Stream
}

// A Role says which part of the system removes expired and evicted keys.
type Role int32

const (
	// Primary removes a key by itself when it has expired or memory is short.
	Primary Role = iota
	// Replica waits for the effect that removes a key, from its primary or from the log that is being loaded. Work
	// that only reads does not see keys past their deadline.
	Replica
)

// An Engine is a keyspace. It is safe for concurrent use through Txs.
type Engine struct {
	pool      *arena.Pool
	shards    []shard
	shardBits uint8
	databases int
	limits    atomic.Pointer[value.Limits]
	access    atomic.Pointer[AccessPolicy]
	expiry    atomic.Bool // active expiry is on
	role      atomic.Int32
	heldMS    atomic.Int64 // see Hold
	policies  Policies

	effects                *effects.Stream
	watchers               []Watcher        // set before the first Tx
	removals               []RemovalWatcher // those of watchers that are
	purged                 []PurgeWatcher   // likewise
	minded                 atomic.Bool      // some key has had a version or a lease: see Tx.minds
	purging                atomic.Int32     // shards with pending prefix purges
	seq                    uint64           // of the last invalidation; changes under all locks
	life                   uint64           // the upper part of tokens
	tagLimit               atomic.Int32
	codec                  *codec.Codec
	renewal                renewal   // of one goroutine, see Renew
	frames                 sync.Pool // of *[]byte, room for the codec
	nextWork               atomic.Uint32
	nextEvict, nextCompact atomic.Uint32
	leastGaps              atomic.Int64                           // the sum of what compactions leave free
	snaps                  [MaxSnapshots]atomic.Pointer[Snapshot] // that are being taken; change under all locks
	taking                 atomic.Int32                           // how many there are

	unfreed atomic.Int32 // tasks of all shards

	curve missCurve

	tokens atomic.Uint64

	_    [64]byte // keeps fields that are written often off the cache lines that every transaction reads
	long long
}

// A shard is one slice of the keyspace with its own lock.
type shard struct {
	mu      sync.Mutex   // guards what follows but for the atomics; several shards lock in index order
	special atomic.Int32 // claims, and 1 if it is reserved: then more than the lock is needed
	waiting atomic.Int32 // tickets in queue.lock
	claims  claims

	heap  *arena.Heap
	dbs   []keyspace
	tasks []task                  // memory that Maintain frees
	snaps [MaxSnapshots]*Snapshot // that are being taken, or nil
	taken uint8                   // a bit for each of snaps that there is
	alert uint8                   // what a look-up has to look at
	marks uint8                   // of items that no snapshot need save: new, or saved already

	density    *eviction.Density // under Auto
	times      timeline          // of the accesses that density counts
	found      candidates
	compaction compaction

	gone     gone
	prefixes prefixStats

	queue    waitQueue
	reserved atomic.Pointer[Ticket] // for whom, or nil

	stats   Stats
	changes int64    // by commands, since the start
	_       [64]byte // keeps neighbours' locks off one cache line
}

// A keyspace is a shard's part of one database.
type keyspace struct {
	keys    table.Table
	expires int    // keys with a deadline
	parts   bool   // there may be hashes with deadlines of fields, or sets with those of members
	fields  bool   // of these, hashes
	pinned  int    // items that are not evicted
	marked  int    // items that have parts with deadlines (Item.HasParts)
	sweep   sweep  // the expiry sweep
	rare    uint64 // where the next search for rare keys that may be evicted begins
	tags    tagTable
	purges  purges
	leases  leases

	origin [MaxSnapshots]int    // which database it was when a snapshot began
	walked [MaxSnapshots]uint64 // where each snapshot continues
}

// number is the database that ks belongs to.
func (s *shard) number(ks *keyspace) (db int) {
	for &s.dbs[db] != ks {
		db++
	}
	return db
}

// Stats are counters since the start or the last ResetStats.
type Stats struct {
	Hits, Misses    int64 // look-ups by commands with Tx.Counting
	Why             Reasons
	Expired         int64 // keys whose deadline passed
	ExpiredFields   int64 // fields of hashes
	Invalidated     int64 // keys, by a tag or a prefix
	LazyFreed       int64 // values freed in the background
	Evicted         int64 // keys
	EvictedBytes    int64
	Defrag          Defrag
	ExpiredStalePct float64
}

// New returns an empty Engine.
func New(o Options) *Engine {
	if o.Databases == 0 {
		o.Databases = 16
	}
	n := o.Shards
	if n == 0 {
		n = max(8, 4*runtime.GOMAXPROCS(0))
	}
	n = min(max(n, 1), 256)
	e := &Engine{
		pool:      arena.NewPool(),
		codec:     codec.New(),
		shardBits: uint8(bits.Len(uint(n - 1))),
		databases: o.Databases,
		effects:   o.Effects,
		life:      newLife(),
	}
	if e.effects == nil {
		e.effects = new(effects.Stream)
	}
	if o.HugePagesFrom > 0 {
		e.pool.HugePagesFrom(o.HugePagesFrom)
	}
	e.curve.init()
	e.shards = make([]shard, 1<<e.shardBits)
	for i := range e.shards {
		s := &e.shards[i]
		s.heap = arena.NewHeap(e.pool)
		s.dbs = make([]keyspace, o.Databases)
		for j := range s.dbs {
			s.dbs[j].keys.Init(int(e.shardBits))
		}
	}
	limits := value.DefaultLimits
	e.limits.Store(&limits)
	e.access.Store(&AccessPolicy{LogFactor: 10, DecayMinutes: 1})
	e.expiry.Store(true)
	e.tagLimit.Store(defaultTagLimit)
	return e
}

// Shards returns how many parts the keyspace has.
func (e *Engine) Shards() int { return len(e.shards) }

// Databases returns how many databases there are.
func (e *Engine) Databases() int { return e.databases }

// SetLimits changes when small collections become large ones, from the next
// command on.
func (e *Engine) SetLimits(l value.Limits) { e.limits.Store(&l) }

// Limits returns the current thresholds.
func (e *Engine) Limits() value.Limits { return *e.limits.Load() }

// SetAccessPolicy changes the meaning of access bits. The bits of an existing item keep their old meaning until
// its next access.
func (e *Engine) SetAccessPolicy(p AccessPolicy) { e.access.Store(&p) }

// AccessPolicy returns the current one.
func (e *Engine) AccessPolicy() AccessPolicy { return *e.access.Load() }

// SetActiveExpiry turns the expiry sweep of Maintain on or off; keys still
// expire when they are accessed.
func (e *Engine) SetActiveExpiry(on bool) { e.expiry.Store(on) }

// SetRole sets the role from now on.
func (e *Engine) SetRole(r Role) { e.role.Store(int32(r)) }

// Hold keeps all keys until a time in Unix milliseconds, also those whose deadline passes before. Work that only
// reads does not see the expired ones and does not remove them.
func (e *Engine) Hold(untilMS int64) { e.heldMS.Store(untilMS) }

// Role returns the current role; the first one is Primary.
func (e *Engine) Role() Role { return Role(e.role.Load()) }

// Effects returns the stream that changes are added to.
func (e *Engine) Effects() *effects.Stream { return e.effects }

// Watch adds a watcher of every change, of removals if it is a RemovalWatcher, and of
// invalidations if it is a PurgeWatcher. It comes before the first Tx.
func (e *Engine) Watch(w Watcher) {
	e.watchers = append(e.watchers, w)
	if r, ok := w.(RemovalWatcher); ok {
		e.removals = append(e.removals, r)
	}
	if p, ok := w.(PurgeWatcher); ok {
		e.purged = append(e.purged, p)
	}
}

// Memory says what memory the data occupies.
type Memory struct {
	Live   int64 // bytes of blocks in use, by size class
	Held   int64 // bytes of slabs and large blocks; Held-Live is free blocks
	Kept   int64 // bytes of free memory not yet given back to the system
	Tables int64 // bytes of Live that are hash tables of keyspaces
	Gaps   int64 // bytes of slabs with memory behind them that are no live blocks
}

// each visits the shards one after the other, each under its lock. tx, if not
// nil, holds none of them or all.
func (e *Engine) each(tx *Tx, visit func(*shard)) {
	if tx != nil {
		invariants.Check(!tx.kept, "all shards are visited with the lock of one kept")
		tx.GiveBack()
	}
	for i := range e.shards {
		s := &e.shards[i]
		if tx != nil && tx.locked.has(i) {
			visit(s)
			continue
		}
		s.mu.Lock()
		visit(s)
		s.unlock()
	}
}

// Memory returns what memory the data occupies now. tx is as for Stats.
func (e *Engine) Memory(tx *Tx) (m Memory) {
	e.each(tx, func(s *shard) {
		m.Live += s.heap.LiveBytes()
		m.Held += s.heap.HeldBytes()
		m.Gaps += s.gaps()
		for j := range s.dbs {
			m.Tables += s.dbs[j].keys.Bytes()
		}
	})
	m.Kept = e.pool.KeptBytes()
	return m
}

// SmallPages has the data use small pages from now on, so that the system counts
// little that is not in use; see arena.Pool.
func (e *Engine) SmallPages() { e.pool.SmallPages() }

// Trim gives all free memory back to the system.
func (e *Engine) Trim() { e.pool.Trim() }

// Stats returns the counters of all shards. tx is the transaction that asks, or
// nil: it holds no lock or all of them.
func (e *Engine) Stats(tx *Tx) (t Stats) {
	e.each(tx, func(s *shard) {
		t.Hits += s.stats.Hits
		t.Misses += s.stats.Misses
		t.Why.add(s.stats.Why)
		t.Expired += s.stats.Expired
		t.ExpiredFields += s.stats.ExpiredFields
		t.Invalidated += s.stats.Invalidated
		t.LazyFreed += s.stats.LazyFreed
		t.Evicted += s.stats.Evicted
		t.EvictedBytes += s.stats.EvictedBytes
		t.Defrag.add(s.stats.Defrag)
	})
	return t
}

// Changes counts the changes that commands have made since the start; ResetStats does not reset it. tx is as for
// Stats.
func (e *Engine) Changes(tx *Tx) (n int64) {
	e.each(tx, func(s *shard) { n += s.changes })
	return n
}

// ResetStats sets the counters to zero.
func (e *Engine) ResetStats(tx *Tx) {
	e.each(tx, func(s *shard) {
		s.stats = Stats{}
		s.prefixes.reset()
	})
}

// DBStats describes one database.
type DBStats struct {
	Keys, Expires int
	Subexpiry     int   // hashes with deadlines of fields, and sets with those of members
	Pinned        int   // keys that are not evicted
	AvgTTLMS      int64 // a sample's mean time to live
}

// DBStats returns the sizes of a database; the shards are read one after the
// other.
func (e *Engine) DBStats(tx *Tx, db int, nowMS int64) (d DBStats) {
	var sum, n int64
	e.each(tx, func(s *shard) {
		ks := &s.dbs[db]
		d.Keys += ks.keys.Len()
		d.Expires += ks.expires
		d.Subexpiry += ks.marked
		d.Pinned += ks.pinned
		if ks.expires > 0 {
			ks.keys.Sweep(ks.sweep.at, table.MaxRest, func(slot table.Slot) {
				if left := table.ItemOf(slot).DeadlineMS() - nowMS; left > 0 {
					sum += left
					n++
				}
			})
		}
	})
	if n > 0 {
		d.AvgTTLMS = sum / n
	}
	return d
}

// LazyPending is how many values wait to be freed by Maintain.
func (e *Engine) LazyPending(tx *Tx) (n int) {
	e.each(tx, func(s *shard) {
		for _, t := range s.tasks {
			n += t.pending()
		}
	})
	return n
}

func (e *Engine) shardOf(hash uint64) int { return int(hash >> (64 - e.shardBits)) }
