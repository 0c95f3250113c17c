package engine

import (
	"runtime"
	"sync/atomic"
	"time"
)

// long counts long work: work that may hold locks for seconds, as scripts do.
type long struct {
	works  atomic.Int32 // that hold locks or are about to
	whole  atomic.Int32 // that wait for all locks, with none claimed
	giveUp atomic.Bool
	queues
}

// GiveUp has every Tx that waits for a lock try again at once. From then on GivingUp reports whether a Tx that does
// not get its lock is to be refused, instead of waiting.
func (e *Engine) GiveUp(on bool) {
	e.long.giveUp.Store(on)
	if on {
		e.callAll()
	}
}

// GivingUp reports the last argument of GiveUp.
func (e *Engine) GivingUp() bool { return e.long.giveUp.Load() }

// BeginLong announces that the locks that the Tx takes next may be held for long, until Unlock.
func (tx *Tx) BeginLong() {
	tx.GiveBack() // others may wait for a lock that was kept
	tx.own = 1
	tx.e.long.works.Add(1)
}

func (tx *Tx) endLong() {
	tx.own = 0
	tx.e.long.works.Add(-1)
}

// LongWork reports whether long work holds locks or is about to.
func (e *Engine) LongWork() bool { return e.long.works.Load() > 0 }

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
