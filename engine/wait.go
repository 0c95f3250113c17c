package engine

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Tx that GivesUp does not wait for a lock longer than some microseconds: it reports
// that it has no lock, and its caller takes a place in the queue of the shard (Await). When the
// lock may be free, the caller is told (Ticket.Wake) and tries again, with its place kept.
//
// All that wait for a lock are told at once, in the order in which they came; that is one
// message for each, and the most of them find the lock free. Work that asks later may come
// in between. So that nobody starves, a ticket that has tried insistAfter times insists: the
// shard is reserved for it, and others wait behind it. One ticket of the engine may
// insist at a time, since two with several shards each could wait for each other.

// spinFor is how long a Tx that gives up tries to get a lock.
const spinFor = 20 * time.Microsecond

// insistAfter is how many times a ticket is passed over.
const insistAfter = 4

// A waitQueue is the tickets that wait for a shard.
type waitQueue struct {
	mu      sync.Mutex // guards what follows; taken under the shard's lock or without it
	lock    []*Ticket  // wait for the lock, in the order of their coming
	claimed []*Ticket  // wait until nobody claims a key
}

// A Ticket is the place of one caller in the queues of locks. It has one owner at a time, who calls
// its methods and may use it again and again.
type Ticket struct {
	// Wake is called, by anybody and with locks held, once after each Await. It must not block.
	Wake func()

	e     *Engine
	seq   int64
	tries int
	all   bool // it wants all keys of its shards

	mu       sync.Mutex // guards what follows; taken under waitQueue.mu
	hash     uint64     // of the claimed key that it waits for
	at       *shard     // in whose queue it is, or nil
	reserved []*shard   // for it
	over     bool
}

// Await has t.Wake called as soon as it makes sense to try again to lock what the Tx,
// which gives up, could not lock last. Until Done or Cancel the ticket keeps its place.
func (tx *Tx) Await(t *Ticket) {
	e, s := tx.e, tx.lacks
	if t.seq == 0 {
		t.e, t.seq, t.tries = e, e.long.seq.Add(1), 0
	}
	t.tries++
	t.all = tx.lacksAny
	q := &s.queue
	if tx.lacksClaim {
		t.release() // the claim may last, and others need the shard
	}
	if tx.lacksClaim && s.mu.TryLock() {
		if !s.claims.has(tx.lacksHash) {
			s.unlock()
			t.Wake()
			return
		}
		q.mu.Lock()
		t.enter(s, tx.lacksHash)
		q.claimed = append(q.claimed, t)
		q.mu.Unlock()
		s.unlock()
		return
	}
	q.mu.Lock()
	t.enter(s, 0)
	i, _ := slices.BinarySearchFunc(q.lock, t, func(a, b *Ticket) int { return int(a.seq - b.seq) })
	q.lock = slices.Insert(q.lock, i, t)
	s.waiting.Store(int32(len(q.lock)))
	q.mu.Unlock()
	// The lock may have been given back before the ticket was in the queue.
	if s.free(t) {
		s.callWaiters()
	}
	if e.GivingUp() {
		e.callAll()
	}
}

func (t *Ticket) enter(s *shard, hash uint64) {
	t.mu.Lock()
	t.at, t.hash, t.over = s, hash, false
	t.mu.Unlock()
}

// free reports whether it makes sense for a ticket to try now to lock a shard.
func (s *shard) free(t *Ticket) bool {
	if r := s.reserved.Load(); r != nil && r != t {
		return false
	}
	if !s.mu.TryLock() {
		return false
	}
	s.mu.Unlock()
	return true
}

// Waits reports whether the ticket has a place that is kept.
func (t *Ticket) Waits() bool { return t.seq != 0 }

// Done gives the ticket's place up: what it waited for is locked, or it has left.
func (t *Ticket) Done() {
	if t.seq == 0 {
		return
	}
	t.mu.Lock()
	s := t.at
	t.at, t.over = nil, true
	t.mu.Unlock()
	if s != nil {
		s.queue.drop(s, t)
	}
	t.seq = 0
	if l := &t.e.long; l.insists.Load() == t {
		l.insistsAll.Store(false)
		l.insists.CompareAndSwap(t, nil)
	}
	t.release()
}

// release gives back what is reserved for the ticket.
func (t *Ticket) release() {
	t.mu.Lock()
	reserved := t.reserved
	t.reserved = nil
	t.mu.Unlock()
	for _, s := range reserved {
		if s.reserved.CompareAndSwap(t, nil) {
			s.special.Add(-1)
		}
		s.callWaiters()
	}
}

func (q *waitQueue) drop(s *shard, t *Ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	is := func(x *Ticket) bool { return x == t }
	q.lock = slices.DeleteFunc(q.lock, is)
	q.claimed = slices.DeleteFunc(q.claimed, is)
	s.waiting.Store(int32(len(q.lock)))
}

// unlock unlocks the shard and tells those who wait for it.
func (s *shard) unlock() {
	s.mu.Unlock()
	if s.waiting.Load() != 0 {
		s.callWaiters()
	}
}

// callWaiters tells all that wait for the lock of a shard to try again, and reserves the
// shard for the first that insists. While it is reserved for one, the others stay.
func (s *shard) callWaiters() {
	q := &s.queue
	q.mu.Lock()
	var called []*Ticket
	if r := s.reserved.Load(); r != nil {
		if i := slices.Index(q.lock, r); i >= 0 {
			called = []*Ticket{r}
			q.lock = slices.Delete(q.lock, i, i+1)
		}
	} else {
		called, q.lock = q.lock, nil
	}
	s.waiting.Store(int32(len(q.lock)))
	for _, t := range called {
		t.called(s)
	}
	q.mu.Unlock()
	for _, t := range called {
		t.Wake()
	}
}

// called notes that a ticket is told to try again, and reserves the shard for it if it
// insists. The queue is locked.
func (t *Ticket) called(s *shard) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at = nil
	if t.over || t.tries < insistAfter {
		return
	}
	if l := &t.e.long; l.insists.Load() != t && !l.insists.CompareAndSwap(nil, t) {
		return
	}
	if t.all {
		t.e.long.insistsAll.Store(true)
	}
	if s.reserved.CompareAndSwap(nil, t) {
		s.special.Add(1)
		t.reserved = append(t.reserved, s)
	}
}

// callAll tells everybody who waits for any lock.
func (e *Engine) callAll() {
	for i := range e.shards {
		s := &e.shards[i]
		q := &s.queue
		q.mu.Lock()
		called := append(q.lock, q.claimed...)
		q.lock, q.claimed = nil, nil
		s.waiting.Store(0)
		for _, t := range called {
			t.called(s)
		}
		q.mu.Unlock()
		for _, t := range called {
			t.Wake()
		}
	}
}

// Waiting is how many callers wait for locks.
func (e *Engine) Waiting() (n int) {
	for i := range e.shards {
		q := &e.shards[i].queue
		q.mu.Lock()
		n += len(q.lock) + len(q.claimed)
		q.mu.Unlock()
	}
	return n
}

// lock locks a shard for work on the keys with some hashes; all says that these are
// any keys of it. It reports false, with the shard not locked, if the Tx gives up.
func (tx *Tx) lock(s *shard, hashes []uint64, all bool) bool {
	return s.mu.TryLock() && (s.special.Load() == 0 || tx.passes(s, hashes, all)) || tx.waitFor(s, hashes, all)
}

// passes reports whether a shard, which is locked, is neither reserved for others nor
// claimed by them as far as the Tx is concerned. If it is, the shard is unlocked.
func (tx *Tx) passes(s *shard, hashes []uint64, all bool) bool {
	if r := s.reserved.Load(); r != nil && r != tx.Ticket && tx.GivesUp && !tx.loose() {
		tx.lacks, tx.lacksClaim, tx.lacksAny = s, false, all
		s.unlock()
		return false
	}
	for _, c := range s.claims {
		if c.by != tx && (all || slices.Contains(hashes, c.hash)) {
			tx.lacks, tx.lacksClaim, tx.lacksHash, tx.lacksAny = s, true, c.hash, all
			s.unlock()
			return false
		}
	}
	return true
}

// waitFor waits for a lock that is not free: for a moment if the Tx gives up, else for
// as long as it takes.
func (tx *Tx) waitFor(s *shard, hashes []uint64, all bool) bool {
	if tx.GivesUp && !tx.loose() {
		tx.lacks, tx.lacksClaim, tx.lacksAny = s, false, all
		for began := time.Now(); time.Since(began) < spinFor; {
			if s.mu.TryLock() {
				return s.special.Load() == 0 || tx.passes(s, hashes, all)
			}
			runtime.Gosched()
		}
		return false
	}
	for n := 0; ; n++ {
		s.mu.Lock()
		if s.special.Load() == 0 || tx.passes(s, hashes, all) {
			return true
		}
		breathe(n)
	}
}

// queues is what the engine knows of those who wait.
type queues struct {
	seq        atomic.Int64
	insists    atomic.Pointer[Ticket] // for which shards may be reserved, or nil
	insistsAll atomic.Bool            // and it waits for whole shards
}

// insistsOnAll reports whether a caller that wants shards as a whole has waited so long that
// no work is to claim keys of them.
func (l *queues) insistsOnAll() bool { return l.insistsAll.Load() }
