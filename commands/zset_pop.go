package commands

import (
	"math"

	"cached/engine/value"
	"cached/internal/resp"
)

func zpopmin(c *Ctx) error { return c.zpop(false) }
func zpopmax(c *Ctx) error { return c.zpop(true) }

func (c *Ctx) zpop(top bool) error {
	if len(c.Argv) > 3 {
		return ErrSyntax
	}
	count := int64(1)
	if len(c.Argv) == 3 {
		n, ok := value.ParseInt(c.Argv[2])
		if !ok || n < 0 {
			return ErrNotPositive
		}
		count = n
	}
	key := c.Argv[1]
	z, ok, err := c.zset(key)
	if err != nil {
		return err
	}
	if !ok || count == 0 {
		c.Reply.Array(0)
		return nil
	}
	n := int(min(count, int64(z.Len())))
	nested := c.Reply.Proto == 3 && len(c.Argv) == 3
	if nested {
		c.Reply.Array(n)
	} else {
		c.Reply.Array(2 * n)
	}
	c.takeEnd(key, z, n, top, func(m value.Elem, f float64) {
		if nested {
			c.Reply.Array(2)
		}
		c.replyElem(m)
		c.Reply.Double(f)
	})
	return nil
}

// takeEnd removes the n lowest or highest members, each of which is visited
// before.
func (c *Ctx) takeEnd(key []byte, z value.ZSetRef, n int, top bool, visit func(m value.Elem, f float64)) {
	first, size := 0, z.Len()
	ev := eventZPopMin
	if top {
		first, ev = size-1, eventZPopMax
	}
	z.Range(first, n, top, func(m value.Elem, f float64) bool { visit(m, f); return true })
	if top {
		first = size - n
	}
	z.RemoveRange(first, n)
	c.Tx.Modified(key, ev)
	c.endIfEmpty(key, size-n)
}

// endName is the command that takes from an end.
func endName(top bool) string {
	if top {
		return "ZPOPMAX"
	}
	return "ZPOPMIN"
}

func zmpop(c *Ctx) error {
	q, err := c.zsetMultiPop(1)
	if err != nil {
		return err
	}
	return q.runOnce(c)
}

func bzmpop(c *Ctx) error {
	q, err := c.zsetMultiPop(2)
	if err != nil {
		return err
	}
	return q.runOrWait(c)
}

func (c *Ctx) zsetMultiPop(i int) (multiPop, error) {
	q, err := c.multiPop(i, topOrNot)
	q.take = zpopSome
	return q, err
}

func topOrNot(b []byte) (top bool, err error) {
	switch {
	case equalFold(b, "MIN"):
		return false, nil
	case equalFold(b, "MAX"):
		return true, nil
	}
	return false, ErrSyntax
}

// zpopSome takes from the sorted set at key.
func zpopSome(c *Ctx, q *multiPop, key []byte) (done bool, err error) {
	z, ok, err := c.zset(key)
	if err != nil || !ok {
		return false, err
	}
	n := int(min(q.count, int64(z.Len())))
	c.Reply.Array(2)
	c.Reply.Bulk(key)
	c.Reply.Array(n)
	c.takeEnd(key, z, n, q.last, func(m value.Elem, f float64) {
		c.Reply.Array(2)
		c.replyElem(m)
		c.Reply.Double(f)
	})
	c.Propagate(endName(q.last), key, countText(n))
	return true, nil
}

func bzpopmin(c *Ctx) error { return c.bzpop(false) }
func bzpopmax(c *Ctx) error { return c.bzpop(true) }

func (c *Ctx) bzpop(top bool) error {
	last := len(c.Argv) - 1
	deadline, err := c.timeout(c.Argv[last])
	if err != nil {
		return err
	}
	keys := c.Argv[1:last]
	for _, key := range keys {
		z, ok, err := c.zset(key)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		c.Reply.Array(3)
		c.Reply.Bulk(key)
		c.takeEnd(key, z, 1, top, func(m value.Elem, f float64) {
			c.replyElem(m)
			c.Reply.Double(f)
		})
		c.Propagate(endName(top), key)
		return nil
	}
	return c.Block(keys, deadline, (*resp.Writer).NullArray)
}

// timeout reads the seconds a blocking command waits and returns when they are
// over, 0 for never.
func (c *Ctx) timeout(b []byte) (deadlineMS int64, err error) {
	f, ok := ParseFloat(b)
	switch {
	case !ok:
		x, ok := parseLongDouble(b) // a number that needs more than a double
		switch {
		case !ok:
			return 0, ErrTimeoutFloat
		case x.Sign() < 0:
			return 0, ErrTimeoutNeg
		}
		return 0, ErrTimeoutRange
	case f < 0:
		return 0, ErrTimeoutNeg
	case f*1000 > math.MaxInt64/2 || math.IsInf(f, 0):
		return 0, ErrTimeoutRange
	case f == 0:
		return 0, nil
	}
	return c.NowMS + int64(math.Ceil(f*1000)), nil
}
