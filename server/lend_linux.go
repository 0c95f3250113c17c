package server

import (
	"context"
	"sync/atomic"
	"time"

	"cached/engine"
)

// A command that takes long has its driver's goroutine for that time, and its loop. A
// watcher notices that, and gives the loop back to its driver, with another worker and another
// goroutine, so that all other clients are served: the loop is lent. The command goes on where
// it is. When it has run it waits for the end of the loop's turn, takes the loop with its
// own worker back, writes its reply and runs to the end of its turn; then its goroutine
// ends. Its client is neither read nor closed meanwhile, and what is posted to it waits.
//
// Between begin and end the command's goroutine uses its worker, its client and
// the words of the command, which are in the input of the loop or the client. All else of the loop
// belongs to whoever holds loop.turn.

// A lending is what a worker of a loop needs for its loop to be lent.
type lending struct {
	// How often the worker has run a command that may take long, and in the two lowest
	// bits what of it there is now.
	word     atomic.Uint64
	client   *client
	division *engine.Division
	w        *worker
	loop     *loop

	in []byte // the loop's, while it is lent
}

const (
	runsSlow = 1 // the command runs
	isLent   = 2 // and its loop is lent
)

func (x *lending) begin(c *client, d *engine.Division) {
	x.client, x.division = c, d
	x.word.Store(x.word.Load() + 1<<2 | runsSlow)
	x.loop.t.slow.rouse()
}

func (x *lending) end() {
	if word := x.word.Load(); word&isLent != 0 || !x.word.CompareAndSwap(word, word&^3) {
		x.loop.takeBack(x)
	}
}

// A slowWatch looks for commands that take long while some that may run.
type slowWatch struct {
	asleep atomic.Bool
	lent   atomic.Int32 // loops are, at present
	times  atomic.Int64 // that one was
	wake   chan struct{}
}

const (
	slowAfter  = 2 * time.Millisecond // from one look to the next: a command seen at two is slow
	slowRounds = 16                   // looks that see none, after which the watcher sleeps
)

func (x *slowWatch) rouse() {
	if x.asleep.Load() && x.asleep.CompareAndSwap(true, false) {
		x.wake <- struct{}{}
	}
}

// watchSlow lends loops until ctx ends. Commands that began before go on alone.
func (t *transport) watchSlow(ctx context.Context) {
	seen := make([]struct {
		x    *lending
		word uint64
	}, len(t.all))
	timer := time.NewTimer(slowAfter)
	defer timer.Stop()
	for idle := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		idle++
		for i, l := range t.all {
			x := l.current.Load().lends.(*lending)
			word := x.word.Load()
			if word&3 == runsSlow {
				idle = 0
				if seen[i].x == x && seen[i].word == word {
					l.lend(x, word)
				}
			}
			seen[i].x, seen[i].word = x, word
		}
		if idle > slowRounds {
			idle = 0
			t.slow.asleep.Store(true)
			select {
			case <-ctx.Done():
				return
			case <-t.slow.wake:
			}
		}
		timer.Reset(slowAfter)
	}
}

// lend gives a loop to another goroutine, unless the command that its worker runs has just
// ended.
func (l *loop) lend(x *lending, word uint64) {
	if !x.word.CompareAndSwap(word, word&^3|isLent) {
		return
	}
	// The turn is this goroutine's until it is unlocked.
	x.client.halted |= lent
	x.in = l.in
	next, in := l.spareWorker()
	l.worker, l.in = next, in
	l.current.Store(next)
	next.tick()
	l.t.slow.lent.Add(1)
	l.t.slow.times.Add(1)
	d, detached := l.driver.Load(), l.detached
	l.detached = false
	if x.division != nil {
		x.division.Loosen()
	}
	l.turn.Unlock()
	if detached {
		l.wake()
		return // its driver has another goroutine already
	}
	d.t.group.Go(d.run) // l.srv is the turn's
}

// A spare is a worker for a loop that is lent, and where it reads to.
type spare struct {
	w  *worker
	in []byte
}

// mostSpares is how many workers a loop keeps for the next time.
const mostSpares = 2

func (l *loop) spareWorker() (*worker, []byte) {
	if n := len(l.spares); n > 0 {
		s := l.spares[n-1]
		l.spares = l.spares[:n-1]
		return s.w, s.in
	}
	return l.newWorker(l.t.Road), make([]byte, readChunk)
}

// takeBack gives a lent loop back to the worker that has run a slow command. Afterwards its
// goroutine has the loop's turn, but no driver.
func (l *loop) takeBack(x *lending) {
	l.turn.Lock()
	l.send() // what the other worker has gathered
	l.publish()
	if len(l.spares) < mostSpares {
		l.spares = append(l.spares, spare{l.worker, l.in})
	}
	l.worker, l.in, x.in = x.w, x.in, nil
	l.current.Store(x.w)
	l.detached = true
	l.t.slow.lent.Add(-1)
	c := x.client
	c.halted &^= lent
	x.word.Store(x.word.Load() &^ 3)
	lc := c.conn.(*loopConn)
	if len(lc.posted) > 0 {
		l.mu.Lock()
		l.queue = append(lc.posted, l.queue...)
		l.mu.Unlock()
		lc.posted = nil
		l.wake()
	}
}

// ends reports whether the goroutine that has the turn of the loop has lost its driver
// to another one; then the turn has ended.
func (l *loop) ends() bool {
	if !l.detached {
		return false
	}
	l.finish()
	// That may have run a slow command, and lost the loop again: it is this goroutine's now.
	l.detached = false
	l.turn.Unlock()
	l.wake()
	return true
}
