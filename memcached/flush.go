package memcached

import (
	"sync"
	"time"

	"cached/commands"
	"cached/engine"
)

// A delayedFlush is the flush_all that is to come.
type delayedFlush struct {
	mu    sync.Mutex // guards timer
	timer *time.Timer
}

// flushAll removes all keys of the database, at once or at a time to come.
func (p *Protocol) flushAll(c *commands.Ctx) error {
	delay := int64(0)
	if len(c.Argv[1]) > 0 {
		if at := deadline(c, c.Argv[1]); at > c.NowMS {
			delay = at - c.NowMS
		}
	}
	if delay > 0 {
		p.flush.after(time.Duration(delay)*time.Millisecond, c.Tx.Engine(), p.database)
		c.Tx.PropagateNothing()
	} else {
		p.flush.stop()
		c.Tx.Flush(c.Tx.DB, true)
		c.Propagate("FLUSHDB")
	}
	replyUnless(c.Argv[2], c, "OK")
	return nil
}

// after has the database flushed when d has passed, in place of any flush that is to come.
func (f *delayedFlush) after(d time.Duration, e *engine.Engine, db int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.timer != nil {
		f.timer.Stop()
	}
	f.timer = time.AfterFunc(d, func() {
		var tx engine.Tx
		tx.Begin(e, db, time.Now().UnixMilli())
		tx.LockAll()
		defer tx.Unlock()
		if e.Role() == engine.Replica {
			return // it has become one: its primary says what is removed
		}
		tx.Flush(db, true)
		tx.Propagate("FLUSHDB")
		tx.Commit(nil)
	})
}

// stop forgets the flush that is to come.
func (f *delayedFlush) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.timer != nil {
		f.timer.Stop()
		f.timer = nil
	}
}
