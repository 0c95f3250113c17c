package commands

import (
	"cached/engine"
	"cached/engine/value"
)

// A zrangeCall holds the arguments of ZRANGE or one of the commands of its kind.
type zrangeCall struct {
	zrange
	rev, withScores bool
	offset, limit   int64 // limit negative: none
}

// parseZRange parses min, max and options from the word at on. by is the kind of the range, or 0 if options
// determine it; revFixed is false if options determine the direction.
func (c *Ctx) parseZRange(at int, by byte, rev, revFixed, store bool) (q zrangeCall, err error) {
	q.by, q.rev, q.limit = by, rev, -1
	a := c.Args(at + 2)
	for a.More() {
		switch {
		case !store && a.Is("WITHSCORES"):
			q.withScores = true
		case a.Left() > 2 && a.Is("LIMIT"):
			q.offset, q.limit = a.Int(), a.Int()
		case !revFixed && a.Is("REV"):
			q.rev, revFixed = true, true
		case by == 0 && a.Is("BYLEX"):
			q.by, by = 'l', 'l'
		case by == 0 && a.Is("BYSCORE"):
			q.by, by = 's', 's'
		default:
			a.Fail(ErrSyntax)
		}
	}
	if err := a.End(); err != nil {
		return q, err
	}
	if q.by == 0 {
		q.by = 'r'
	}
	if q.by == 'r' && q.limit != -1 {
		return q, errZLimit
	}
	if q.by == 'l' && q.withScores {
		return q, errZLexScores
	}
	lo, hi := c.Argv[at], c.Argv[at+1]
	if q.rev && q.by != 'r' {
		lo, hi = hi, lo
	}
	return q, q.parse(lo, hi)
}

// find returns the rank of the first member to reply, in the call's direction,
// and how many follow.
func (q *zrangeCall) find(z value.ZSetRef) (first, n int) {
	first, n = q.zrange.find(z, q.rev)
	if q.by != 'r' {
		if q.offset < 0 || q.offset >= int64(n) {
			return 0, 0
		}
		skip := int(q.offset)
		n -= skip
		drop := 0
		if q.limit >= 0 && q.limit < int64(n) {
			drop = n - int(q.limit)
			n = int(q.limit)
		}
		if q.rev {
			first += drop
		} else {
			first += skip
		}
	}
	if q.rev {
		first += n - 1
	}
	return first, n
}

func zrangeCmd(c *Ctx) error        { return c.zrange(0, false, false) }
func zrevrange(c *Ctx) error        { return c.zrange('r', true, true) }
func zrangebyscore(c *Ctx) error    { return c.zrange('s', false, true) }
func zrevrangebyscore(c *Ctx) error { return c.zrange('s', true, true) }
func zrangebylex(c *Ctx) error      { return c.zrange('l', false, true) }
func zrevrangebylex(c *Ctx) error   { return c.zrange('l', true, true) }

func (c *Ctx) zrange(by byte, rev, revFixed bool) error {
	q, err := c.parseZRange(2, by, rev, revFixed, false)
	if err != nil {
		return err
	}
	z, ok, err := c.zset(c.Argv[1])
	if err != nil {
		return err
	}
	first, n := 0, 0
	if ok {
		first, n = q.find(z)
	}
	c.replyPairs(n, q.withScores)
	if n > 0 {
		z.Range(first, n, q.rev, func(m value.Elem, f float64) bool {
			c.replyPair(m, f, q.withScores)
			return !c.Reply.Full
		})
	}
	return nil
}

func zrangestore(c *Ctx) error {
	q, err := c.parseZRange(3, 0, false, false, true)
	if err != nil {
		return err
	}
	z, ok, err := c.zset(c.Argv[2])
	if err != nil {
		return err
	}
	var out zpairs
	if ok {
		first, n := q.find(z)
		z.Range(first, n, q.rev, func(m value.Elem, f float64) bool { out.add(m, f); return true })
	}
	c.storeZSet(c.Argv[1], &out, eventZRangeStore)
	return nil
}

// zpairs are members and scores outside the engine's memory.
type zpairs struct {
	texts
	scores []float64
}

func (p *zpairs) add(m value.Elem, f float64) {
	p.texts.add(m)
	p.scores = push(p.scores, f)
}

// breatheAfter is how many elements of a large value are made before others are let in, if
// that took long.
const breatheAfter = 256

// storeZSet makes pairs the sorted set at key and replies with their number; without any, the key is removed.
func (c *Ctx) storeZSet(key []byte, p *zpairs, ev engine.Event) {
	c.Tx.Rejoin()
	if len(p.scores) == 0 {
		if c.Tx.Delete(key) {
			c.Tx.Modified(key, engine.EventDel)
		}
		c.Reply.Int(0)
		return
	}
	z := value.ZSetRef{Ref: c.Tx.Replace(key, value.ZSet, value.Packed, value.NewZSetBytes), Limits: c.Tx.Limits()}
	z.Init()
	i := 0
	p.each(func(m []byte) {
		z.Set(m, p.scores[i])
		if i++; i%breatheAfter == 0 {
			z.Ref = c.Tx.Breathe(key, z.Ref)
		}
	})
	c.Tx.Modified(key, ev)
	c.Reply.Int(int64(len(p.scores)))
}
