package commands

import "cached/engine"

// What handlers of another protocol's commands use of those here: each changes a key as the like command of RESP does,
// with its events and its effects.

// StoreString sets key to a string, with a deadline in Unix milliseconds, or 0 for none, and metadata in place of what
// there was.
func (c *Ctx) StoreString(key, v []byte, atMS int64, m *engine.Meta) {
	c.setAt(key, v, atMS, atMS != 0)
	if atMS == 0 {
		c.Propagate("SET", key, v)
	}
	if !m.IsZero() {
		c.Tx.SetMeta(key, m)
		c.PropagateMeta(key, m)
	}
}

// PropagateMeta has the log set the metadata of key, which a handler has set by Tx.SetMeta.
func (c *Ctx) PropagateMeta(key []byte, m *engine.Meta) { c.propagateMeta(key, m) }

// PropagateChange logs that a handler has changed the string at key to v, while deadline and metadata stay. It follows
// Tx.Modified.
func (c *Ctx) PropagateChange(key, v []byte) { c.propagateChange(key, v) }

// RemoveKey removes a key, and reports whether it was there.
func (c *Ctx) RemoveKey(key []byte) bool {
	if !c.Tx.Unlink(key) {
		return false
	}
	c.Tx.Modified(key, engine.EventDel)
	c.Propagate("DEL", key)
	return true
}

// MoveDeadline has a key, which exists, expire at a time in Unix milliseconds: 0 is never, and with one that has passed
// the key is removed.
func (c *Ctx) MoveDeadline(key []byte, atMS int64) {
	switch {
	case atMS == 0:
		if c.Tx.Persist(key) {
			c.Tx.Modified(key, engine.EventPersist)
			c.Propagate("PERSIST", key)
		}
	case c.passed(atMS):
		c.RemoveKey(key)
	default:
		c.expireAt(key, atMS)
	}
}
