package engine

import (
	"runtime"
	"sync/atomic"
	"time"
)

// long counts long work and the transactions that wait. Most work holds a lock for microseconds, and other
// transactions block until the lock is free. A script may hold locks for seconds: a Tx with GivesUp then polls the
// lock, and stops waiting after GiveUp(true).
//
// No Tx with GivesUp may block behind long work, not even one that began to wait earlier. So BeginLong first
// announces the long work, and then waits until every Tx that blocks without having seen the announcement has its
// lock.
type long struct {
	works   atomic.Int32 // that hold locks or are about to
	blocked atomic.Int32 // transactions that block on a lock instead of polling it
	giveUp  atomic.Bool
}

// GiveUp(true) has every Tx with GivesUp stop waiting for long work, now and until GiveUp(false).
func (e *Engine) GiveUp(on bool) { e.long.giveUp.Store(on) }

// BeginLong announces that the locks that the Tx takes next may be held for long, until Unlock.
func (tx *Tx) BeginLong() {
	tx.GiveBack() // others may wait for a lock that was kept
	tx.own = 1
	tx.e.long.works.Add(1)
	for n := 0; tx.e.long.blocked.Load() > 0; n++ {
		breathe(n)
	}
}

func (tx *Tx) endLong() {
	tx.own = 0
	tx.e.long.works.Add(-1)
}

// LongWork reports whether long work holds locks or is about to.
func (e *Engine) LongWork() bool { return e.long.works.Load() > 0 }

// lock locks a shard. It reports false, with the shard not locked, if the Tx has
// given up.
func (tx *Tx) lock(s *shard) bool { return s.mu.TryLock() || tx.waitFor(s) }

func (tx *Tx) waitFor(s *shard) bool {
	if !tx.GivesUp {
		s.mu.Lock()
		return true
	}
	l := &tx.e.long
	for n := 0; ; n++ {
		l.blocked.Add(1)
		if l.works.Load() <= tx.own {
			s.mu.Lock()
			l.blocked.Add(-1)
			return true
		}
		l.blocked.Add(-1)
		if s.mu.TryLock() {
			return true
		}
		if l.giveUp.Load() {
			return false
		}
		breathe(n)
	}
}

// Patiently calls try until it reports true, or until GiveUp(true) was called; then it reports false.
func (e *Engine) Patiently(try func() bool) bool {
	for n := 0; !try(); n++ {
		if e.long.giveUp.Load() {
			return false
		}
		breathe(n)
	}
	return true
}

// breathe pauses before the n-th attempt: it yields the processor at first, and later sleeps for at most a millisecond.
func breathe(n int) {
	if n < 32 {
		runtime.Gosched()
		return
	}
	time.Sleep(min(time.Duration(n)*time.Microsecond, time.Millisecond))
}
