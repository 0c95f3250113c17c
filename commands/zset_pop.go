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

// A zmpop is ZMPOP or BZMPOP with its words read.
type zmpopCall struct {
	keys  [][]byte
	top   bool
	count int64
}

func (c *Ctx) parseZMPop(a *Args) (q zmpopCall, err error) {
	n, ok := value.ParseInt(a.Next())
	if !ok || n < 1 {
		return q, errNumKeys
	}
	if n >= int64(a.Left()) {
		return q, ErrSyntax
	}
	q.keys = a.argv[a.i : a.i+int(n)]
	a.i += int(n)
	switch {
	case a.Is("MIN"):
	case a.Is("MAX"):
		q.top = true
	default:
		return q, ErrSyntax
	}
	q.count = -1
	for a.More() {
		if q.count != -1 || a.Left() < 2 || !a.Is("COUNT") {
			return q, ErrSyntax
		}
		n, ok := value.ParseInt(a.Next())
		if !ok || n < 1 {
			return q, errCountAbove0
		}
		q.count = n
	}
	q.count = max(q.count, 1)
	return q, a.End()
}

const errCountAbove0 = Error("ERR count should be greater than 0")

// run takes from the first key that has something; done is false when none has.
func (q *zmpopCall) run(c *Ctx) (done bool, err error) {
	for _, key := range q.keys {
		z, ok, err := c.zset(key)
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		n := int(min(q.count, int64(z.Len())))
		c.Reply.Array(2)
		c.Reply.Bulk(key)
		c.Reply.Array(n)
		c.takeEnd(key, z, n, q.top, func(m value.Elem, f float64) {
			c.Reply.Array(2)
			c.replyElem(m)
			c.Reply.Double(f)
		})
		c.Propagate(endName(q.top), key, countText(n))
		return true, nil
	}
	return false, nil
}

func zmpop(c *Ctx) error {
	a := c.Args(1)
	q, err := c.parseZMPop(&a)
	if err != nil {
		return err
	}
	done, err := q.run(c)
	if err == nil && !done {
		c.Reply.NullArray()
	}
	return err
}

func bzmpop(c *Ctx) error {
	a := c.Args(2)
	q, err := c.parseZMPop(&a)
	if err != nil {
		return err
	}
	deadline, err := c.timeout(c.Argv[1])
	if err != nil {
		return err
	}
	done, err := q.run(c)
	if err != nil || done {
		return err
	}
	return c.Block(q.keys, deadline, (*resp.Writer).NullArray)
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
		return 0, ErrTimeoutFloat
	case f < 0:
		return 0, ErrTimeoutNeg
	case f*1000 > math.MaxInt64/2 || math.IsInf(f, 0):
		return 0, ErrTimeoutRange
	case f == 0:
		return 0, nil
	}
	return c.NowMS + int64(math.Ceil(f*1000)), nil
}
