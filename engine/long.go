package engine

import (
	"runtime"
	"sync/atomic"
	"time"
)

// long is what the engine knows of long work. Most work holds locks for
// microseconds, and who waits for it blocks. A script may hold them for seconds:
// who waits meanwhile looks up now and then, and gives up when told to.
//
// Nobody may block behind long work, not even who came before it. So it begins by
// making itself known, and locks only when those are through who did not know.
type long struct {
	works   atomic.Int32 // that hold locks or are about to
	blocked atomic.Int32 // who waits for a lock without looking up
	giveUp  atomic.Bool
}

// GiveUp has everybody who waits for long work stop waiting, now and until it is
// told otherwise.
func (e *Engine) GiveUp(on bool) { e.long.giveUp.Store(on) }

// BeginLong says that what the Tx locks next may be held for long, until Unlock.
func (tx *Tx) BeginLong() {
	tx.GiveBack() // somebody may wait for it
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

// Patiently calls try until it reports true, or until those who wait for long
// work are to give up; then it reports false.
func (e *Engine) Patiently(try func() bool) bool {
	for n := 0; !try(); n++ {
		if e.long.giveUp.Load() {
			return false
		}
		breathe(n)
	}
	return true
}

// breathe lets others work before the n-th look: for a moment at first, and for
// at most a millisecond.
func breathe(n int) {
	if n < 32 {
		runtime.Gosched()
		return
	}
	time.Sleep(min(time.Duration(n)*time.Microsecond, time.Millisecond))
}
