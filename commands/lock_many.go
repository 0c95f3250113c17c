package commands

import (
	"bytes"
	"strconv"

	"cached/internal/lock"
)

// maxLockKeys is how many locks LOCK.MACQUIRE takes at most.
const maxLockKeys = 128

// lockMacquire takes several locks or none. It looks at all of them first, and takes them
// when none stands in the way: it never waits with a part of them, so that two such calls
// do not wait for each other.
func lockMacquire(c *Ctx) error {
	a := c.Args(1)
	n := a.number("numkeys", "", maxLockKeys)
	if err := a.Err(); err != nil {
		return err
	}
	if a.Left() < int(n) {
		return Error("ERR numkeys is more than there are keys")
	}
	keys := c.Argv[2 : 2+n]
	for i, k := range keys {
		for _, other := range keys[:i] {
			if bytes.Equal(k, other) {
				return Error("ERR a key is named twice")
			}
		}
	}
	var o lockArgs
	a = c.Args(2 + int(n))
	o.read(c, &a)
	if err := a.End(); err != nil {
		return err
	}
	env := c.Env.Locks()
	o.Client = env.Client()
	if o.Bound {
		if err := env.Bindable(len(keys)); err != nil {
			return err
		}
	}
	var b blocking
	newest, ahead, refused := int64(0), 0, []byte(nil)
	for _, key := range keys {
		h, err := c.openLock(key, true)
		if err != nil {
			return err
		}
		newest = max(newest, h.Newest())
		before := env.Ahead(c, key)
		o.Behind = before > 0
		g, err := h.Acquire(&o.Request, func(int64) int64 { return lock.MaxToken })
		if err != nil {
			return refusal(err)
		}
		ahead = max(ahead, before)
		if g.Hold == nil && (refused == nil || g.Blocker != nil && g.Blocker.FreeMS() > b.freeMS) {
			refused, b = key, lookAt(g.Blocker)
		}
	}
	if refused != nil {
		return c.lockManyWait(&o, keys, refused, b, ahead)
	}
	return c.lockMany(&o, keys, newest)
}

// lockManyWait is lockWait, with the key that stands in the way in the reply.
func (c *Ctx) lockManyWait(o *lockArgs, keys [][]byte, refused []byte, b blocking, ahead int) error {
	mark := len(c.Reply.B)
	if err := c.lockWait(o, keys, b, ahead); err != nil || len(c.Reply.B) == mark {
		return err
	}
	c.Reply.B = c.Reply.B[:mark]
	c.Reply.Map(5)
	c.Reply.BulkString("acquired")
	c.Reply.Int(0)
	c.Reply.BulkString("key")
	c.Reply.Bulk(refused)
	c.replyHolder(b)
	c.Reply.BulkString("place")
	c.Reply.Int(int64(ahead) + 1)
	return nil
}

// lockMany takes the locks at keys, of which none stands in the way. New holds have one
// token, which no lock has had before.
func (c *Ctx) lockMany(o *lockArgs, keys [][]byte, newest int64) error {
	env := c.Env.Locks()
	token := env.Token(newest)
	if token == 0 {
		return refusal(lock.ErrNoTokens)
	}
	o.Behind = false
	tokens, ttl := make([]int64, 0, len(keys)), int64(maxMillis)
	for _, key := range keys {
		h, err := c.openLock(key, false)
		if err != nil {
			return err
		}
		g, err := h.Acquire(&o.Request, func(int64) int64 { return token })
		if err != nil {
			return refusal(err)
		}
		if o.Bound {
			env.Bind(c, key, g.Hold.Token)
		}
		tokens = append(tokens, g.Hold.Token)
		ttl = min(ttl, g.Hold.UntilMS-c.NowMS)
		c.keepLock(h, eventLock)
	}
	c.Reply.Map(3)
	c.Reply.BulkString("acquired")
	c.Reply.Int(1)
	c.Reply.BulkString("tokens")
	c.Reply.Array(len(tokens))
	for _, t := range tokens {
		c.Reply.Int(t)
	}
	c.Reply.BulkString("ttl")
	c.Reply.Int(ttl)
	return nil
}

// ErrWaiters is the error of a client that would wait for a key for which as many as may
// wait do.
func ErrWaiters(most int) error {
	return Error("ERR too many clients wait for the key already, " + strconv.Itoa(most))
}
