package server

import (
	"sync"
	"sync/atomic"

	"cached/commands"
	"cached/engine"
)

// A watch is a key that a client wants unchanged until its EXEC.
type watch struct {
	c      *client
	at     readyKey
	exists bool // it was there; as long as it is unchanged, it still is
}

// A watchTable knows who watches which key.
type watchTable struct {
	count atomic.Int64 // of watches

	mu   sync.Mutex // guards keys; taken under shard locks
	keys map[readyKey][]*watch
}

// len is how many keys are watched.
func (t *watchTable) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.keys)
}

// changed marks the clients that watch a key. Its shard is locked, by which EXEC
// of those clients comes wholly before or wholly after. A key that has expired changes
// nothing for a client for which it was not there.
func (t *watchTable) changed(db int, key []byte, expired bool) {
	if t.count.Load() == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.keys[readyKey{db, string(key)}] {
		if w.exists || !expired {
			w.c.shown.changed.Store(true)
		}
	}
}

// flushed marks those who watch keys of a database that were there.
func (t *watchTable) flushed(db int) {
	if t.count.Load() == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for at, ws := range t.keys {
		if db >= 0 && at.db != db {
			continue
		}
		for _, w := range ws {
			if w.exists {
				w.c.shown.changed.Store(true)
			}
		}
	}
}

// swapped marks those who watch keys that were there or are now.
func (t *watchTable) swapped(tx *engine.Tx, a, b int) {
	if t.count.Load() == 0 {
		return
	}
	var absent []*watch
	t.mu.Lock()
	for at, ws := range t.keys {
		if at.db != a && at.db != b {
			continue
		}
		for _, w := range ws {
			if w.exists {
				w.c.shown.changed.Store(true)
			} else {
				absent = append(absent, w)
			}
		}
	}
	t.mu.Unlock()
	// A look may remove a key past its deadline, which comes back to changed.
	for _, w := range absent {
		if !tx.PeekIn(w.at.db, []byte(w.at.key)).IsZero() {
			w.c.shown.changed.Store(true)
		}
	}
}

// watch adds a key of the client's database; its shard is locked.
func (c *client) watch(tx *engine.Tx, key []byte) {
	at := readyKey{tx.DB, string(key)}
	for _, w := range c.watches {
		if w.at == at {
			return
		}
	}
	w := &watch{c: c, at: at, exists: !tx.Peek(key).IsZero()}
	c.watches = append(c.watches, w)
	c.keeps(len(key))
	c.shown.watches.Store(int32(len(c.watches)))
	t := &c.srv.watch
	t.count.Add(1)
	c.srv.hooks.active.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys[at] = append(t.keys[at], w)
}

// unwatch forgets all keys the client watches, and what happened to them.
func (c *client) unwatch() {
	if len(c.watches) > 0 {
		t := &c.srv.watch
		t.mu.Lock()
		for _, w := range c.watches {
			c.forgets(len(w.at.key))
			ws := t.keys[w.at]
			for i, x := range ws {
				if x == w {
					ws[i] = ws[len(ws)-1]
					ws[len(ws)-1] = nil
					ws = ws[:len(ws)-1]
					break
				}
			}
			if len(ws) == 0 {
				delete(t.keys, w.at)
			} else {
				t.keys[w.at] = ws
			}
		}
		t.mu.Unlock()
		n := int64(len(c.watches))
		t.count.Add(-n)
		c.srv.hooks.active.Add(-n)
		clear(c.watches)
		c.watches = c.watches[:0]
		c.shown.watches.Store(0)
	}
	if c.shown.changed.Load() {
		c.shown.changed.Store(false)
	}
}

func (s *Road) watchKeys(c *commands.Ctx) error {
	cl := clientOf(c)
	if cl.mode&inMulti != 0 {
		return commands.Error("ERR WATCH inside MULTI is not allowed")
	}
	if !cl.shown.changed.Load() { // else EXEC fails whatever else is watched
		for _, key := range c.Argv[1:] {
			cl.watch(c.Tx, key)
		}
	}
	c.Reply.OK()
	return nil
}

func (s *Road) unwatch(c *commands.Ctx) error {
	clientOf(c).unwatch()
	c.Reply.OK()
	return nil
}
