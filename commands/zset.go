package commands

import (
	"bytes"
	"errors"
	"math"
	"strconv"

	"cached/engine"
	"cached/engine/value"
)

// Events of sorted sets.
var (
	eventZAdd        = engine.Event{Name: "zadd", Class: engine.ClassZSet}
	eventZIncr       = engine.Event{Name: "zincr", Class: engine.ClassZSet}
	eventZRem        = engine.Event{Name: "zrem", Class: engine.ClassZSet}
	eventZRemByRank  = engine.Event{Name: "zremrangebyrank", Class: engine.ClassZSet}
	eventZRemByScore = engine.Event{Name: "zremrangebyscore", Class: engine.ClassZSet}
	eventZRemByLex   = engine.Event{Name: "zremrangebylex", Class: engine.ClassZSet}
	eventZPopMin     = engine.Event{Name: "zpopmin", Class: engine.ClassZSet}
	eventZPopMax     = engine.Event{Name: "zpopmax", Class: engine.ClassZSet}
	eventZRangeStore = engine.Event{Name: "zrangestore", Class: engine.ClassZSet}
	eventZUnionStore = engine.Event{Name: "zunionstore", Class: engine.ClassZSet}
	eventZInterStore = engine.Event{Name: "zinterstore", Class: engine.ClassZSet}
	eventZDiffStore  = engine.Event{Name: "zdiffstore", Class: engine.ClassZSet}
)

// The errors of sorted sets.
const (
	errZNXandXX   = Error("ERR XX and NX options at the same time are not compatible")
	errZGTLTNX    = Error("ERR GT, LT, and/or NX options at the same time are not compatible")
	errZIncrPair  = Error("ERR INCR option supports a single increment-element pair")
	errZNaN       = Error("ERR resulting score is not a number (NaN)")
	errZMinMax    = Error("ERR min or max is not a float")
	errZLexItem   = Error("ERR min or max not valid string range item")
	errZLimit     = Error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
	errZLexScores = Error("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
)

// zset returns the sorted set at key; ok is false when there is none.
func (c *Ctx) zset(key []byte) (z value.ZSetRef, ok bool, err error) {
	ref, ok, err := c.ref(key, value.ZSet)
	return value.ZSetRef{Ref: ref, Limits: c.Tx.Limits()}, ok, err
}

// makeZSet is zset, making the key if it is not there.
func (c *Ctx) makeZSet(key []byte) (value.ZSetRef, error) {
	z, ok, err := c.zset(key)
	if err == nil && !ok {
		z.Ref = c.Tx.Create(key, value.ZSet, value.Packed, value.NewZSetBytes)
		z.Init()
	}
	return z, err
}

// zaddOptions are the words between the key and the scores of ZADD.
type zaddOptions struct{ nx, xx, gt, lt, ch, incr bool }

func (o *zaddOptions) take(a *Args) {
	for a.More() {
		switch {
		case a.Is("NX"):
			o.nx = true
		case a.Is("XX"):
			o.xx = true
		case a.Is("GT"):
			o.gt = true
		case a.Is("LT"):
			o.lt = true
		case a.Is("CH"):
			o.ch = true
		case a.Is("INCR"):
			o.incr = true
		default:
			return
		}
	}
}

// check checks the combination of options and the number of remaining words.
func (o *zaddOptions) check(words int) error {
	switch {
	case words == 0 || words%2 != 0:
		return ErrSyntax
	case o.nx && o.xx:
		return errZNXandXX
	case o.gt && o.nx, o.lt && o.nx, o.gt && o.lt:
		return errZGTLTNX
	case o.incr && words > 2:
		return errZIncrPair
	}
	return nil
}

func zadd(c *Ctx) error {
	return c.zadd(zaddOptions{})
}

func zincrby(c *Ctx) error { return c.zadd(zaddOptions{incr: true}) }

// zadd adds pairs of score and member, or adds to scores.
func (c *Ctx) zadd(o zaddOptions) error {
	a := c.Args(2)
	o.take(&a)
	if err := o.check(a.Left()); err != nil {
		return err
	}
	return c.zaddPairs(o, a.argv[a.i:])
}

// zaddPairs is zadd with its options read.
func (c *Ctx) zaddPairs(o zaddOptions, pairs [][]byte) error {
	for i := 0; i < len(pairs); i += 2 {
		if _, ok := ParseFloat(pairs[i]); !ok {
			return ErrNotFloat // before any is applied
		}
	}
	key := c.Argv[1]
	z, ok, err := c.zset(key)
	if err != nil {
		return err
	}
	if !ok {
		if o.xx {
			if o.incr {
				c.Reply.Null()
			} else {
				c.Reply.Int(0)
			}
			return nil
		}
		if z, err = c.makeZSet(key); err != nil {
			return err
		}
	}
	added, updated := 0, 0
	result, done := 0.0, false
	for i := 0; i < len(pairs); i += 2 {
		score, _ := ParseFloat(pairs[i])
		member := pairs[i+1]
		old, found := z.Score(member)
		switch {
		case !found && o.xx, found && o.nx:
			continue
		case !found:
			z.Set(member, score)
			added++
			result, done = score, true
			continue
		}
		if o.incr {
			if score += old; math.IsNaN(score) {
				return errZNaN
			}
		}
		if o.lt && score >= old || o.gt && score <= old {
			continue
		}
		result, done = score, true
		if score != old {
			z.Set(member, score)
			updated++
		}
	}
	if added+updated > 0 {
		if o.incr {
			c.Tx.Modified(key, eventZIncr)
		} else {
			c.Tx.Modified(key, eventZAdd)
		}
	}
	switch {
	case !o.incr && o.ch:
		c.Reply.Int(int64(added + updated))
	case !o.incr:
		c.Reply.Int(int64(added))
	case done:
		c.Reply.Double(result)
	default:
		c.Reply.Null()
	}
	return nil
}

func zrem(c *Ctx) error {
	z, ok, err := c.zset(c.Argv[1])
	return removeAll(c, z, ok, err, eventZRem)
}

func zcard(c *Ctx) error {
	z, ok, err := c.zset(c.Argv[1])
	return replyLen(c, z, ok, err)
}

func zscore(c *Ctx) error {
	z, ok, err := c.zset(c.Argv[1])
	if err != nil {
		return err
	}
	c.replyScore(z, ok, c.Argv[2])
	return nil
}

// replyScore replies the score of a member, or null.
func (c *Ctx) replyScore(z value.ZSetRef, ok bool, member []byte) {
	if ok {
		if f, found := z.Score(member); found {
			c.Reply.Double(f)
			return
		}
	}
	c.Reply.Null()
}

func zmscore(c *Ctx) error {
	z, ok, err := c.zset(c.Argv[1])
	if err != nil {
		return err
	}
	c.Reply.Array(len(c.Argv) - 2)
	for _, m := range c.Argv[2:] {
		c.replyScore(z, ok, m)
	}
	return nil
}

func zrank(c *Ctx) error    { return c.zrank(false) }
func zrevrank(c *Ctx) error { return c.zrank(true) }

func (c *Ctx) zrank(rev bool) error {
	withScore := false
	if len(c.Argv) > 4 {
		return WrongArity(c.Spec.FullName())
	}
	if len(c.Argv) == 4 {
		if !equalFold(c.Argv[3], "WITHSCORE") {
			return ErrSyntax
		}
		withScore = true
	}
	z, ok, err := c.zset(c.Argv[1])
	if err != nil {
		return err
	}
	rank, score, found := 0, 0.0, false
	if ok {
		rank, score, found = z.Rank(c.Argv[2])
	}
	if !found {
		if withScore {
			c.Reply.NullArray()
		} else {
			c.Reply.Null()
		}
		return nil
	}
	if rev {
		rank = z.Len() - 1 - rank
	}
	if withScore {
		c.Reply.Array(2)
	}
	c.Reply.Int(int64(rank))
	if withScore {
		c.Reply.Double(score)
	}
	return nil
}

func zrandmember(c *Ctx) error {
	count, withScores, err := c.randArgs("WITHSCORES")
	if err != nil {
		return err
	}
	z, ok, err := c.zset(c.Argv[1])
	if err != nil {
		return err
	}
	if len(c.Argv) == 2 {
		if !ok {
			c.Reply.Null()
			return nil
		}
		m, _ := z.Random()
		c.replyElem(m)
		return nil
	}
	if !ok || count == 0 {
		c.Reply.Array(0)
		return nil
	}
	reply := func(m value.Elem, f float64) { c.replyPair(m, f, withScores) }
	return c.replyRandom(z.Len(), count, withScores, func() { m, f := z.Random(); reply(m, f) }, func(visit func(i int) bool) {
		i := 0
		z.Each(func(m value.Elem, f float64) bool {
			if visit(i) {
				reply(m, f)
			}
			i++
			return !c.Reply.Full
		})
	})
}

// replyPair replies a member and, with scores, its score: as a pair of their own
// in version 3.
func (c *Ctx) replyPair(m value.Elem, f float64, withScores bool) {
	if withScores && c.Reply.Proto == 3 {
		c.Reply.Array(2)
	}
	c.replyElem(m)
	if withScores {
		c.Reply.Double(f)
	}
}

// replyPairs replies the header of n members.
func (c *Ctx) replyPairs(n int, withScores bool) {
	if withScores && c.Reply.Proto != 3 {
		n *= 2
	}
	c.Reply.Array(n)
}

func zscan(c *Ctx) error {
	var z value.ZSetRef
	s, done, err := c.scan(func(key []byte) (ok bool, err error) {
		z, ok, err = c.zset(key)
		return ok, err
	})
	if done {
		return err
	}
	type pair struct {
		m value.Elem
		f float64
	}
	var out []pair
	next := z.Scan(s.cursor, s.count, func(m value.Elem, f float64) {
		if s.wants(m) {
			out = append(out, pair{m, f})
		}
	})
	c.replyScanned(next, 2*len(out), func() {
		for _, p := range out {
			c.replyElem(p.m)
			c.replyScoreText(p.f)
		}
	})
	return nil
}

// A zrange is a range of a sorted set as the words of a command give it.
type zrange struct {
	by           byte // 'r'ank, 's'core, 'l'ex
	first, last  int64
	min, max     float64
	minEx, maxEx bool
	from, to     lexBound
}

// A lexBound is one end of a range of members.
type lexBound struct {
	inf       int // -1: before all, 1: behind all
	text      []byte
	exclusive bool
}

// parse parses the two ends of a range.
func (r *zrange) parse(lo, hi []byte) error {
	switch r.by {
	case 's':
		var ok1, ok2 bool
		r.min, r.minEx, ok1 = scoreBound(lo)
		r.max, r.maxEx, ok2 = scoreBound(hi)
		if !ok1 || !ok2 {
			return errZMinMax
		}
	case 'l':
		var ok1, ok2 bool
		r.from, ok1 = parseLex(lo)
		r.to, ok2 = parseLex(hi)
		if !ok1 || !ok2 {
			return errZLexItem
		}
	default:
		var ok1, ok2 bool
		r.first, ok1 = value.ParseInt(lo)
		r.last, ok2 = value.ParseInt(hi)
		if !ok1 || !ok2 {
			return ErrNotInt
		}
	}
	return nil
}

func scoreBound(b []byte) (f float64, exclusive, ok bool) {
	if len(b) > 0 && b[0] == '(' {
		exclusive = true
		b = b[1:]
	}
	f, ok = strtod(b)
	return f, exclusive, ok
}

// strtod reads a number as C does: behind white space, nothing being 0, and out
// of range being infinite.
func strtod(b []byte) (float64, bool) {
	b = bytes.TrimLeft([]byte(cString(b)), " \t\n\v\f\r")
	if len(b) == 0 {
		return 0, true
	}
	if f, ok := ParseFloat(b); ok {
		return f, true
	}
	f, err := strconv.ParseFloat(string(b), 64)
	return f, errors.Is(err, strconv.ErrRange)
}

func parseLex(b []byte) (lexBound, bool) {
	switch {
	case string(b) == "-":
		return lexBound{inf: -1}, true
	case string(b) == "+":
		return lexBound{inf: 1}, true
	case len(b) > 0 && b[0] == '(':
		return lexBound{text: b[1:], exclusive: true}, true
	case len(b) > 0 && b[0] == '[':
		return lexBound{text: b[1:]}, true
	}
	return lexBound{}, false
}

// find returns the rank of the range's first member and how many it has.
func (r *zrange) find(z value.ZSetRef, rev bool) (first, n int) {
	size := z.Len()
	var end int
	switch r.by {
	case 's':
		first, end = z.Below(r.min, r.minEx), z.Below(r.max, !r.maxEx)
	case 'l':
		if z.IsSmall() {
			return r.findLex(z, rev)
		}
		first, end = r.from.rank(z, size, true), r.to.rank(z, size, false)
	default:
		a, b := clampRange(r.first, r.last, size)
		if a >= b {
			return 0, 0
		}
		if rev {
			a, b = size-b, size-a
		}
		first, end = a, b
	}
	return first, max(end-first, 0)
}

// findLex is find for a small set. The result of a range of members is undefined when scores differ; a small set
// answers as Redis does, which searches for one end and walks to the other.
func (r *zrange) findLex(z value.ZSetRef, rev bool) (first, n int) {
	size, i := z.Len(), 0
	above, below := make([]bool, size), make([]bool, size)
	var buf [20]byte
	z.Each(func(m value.Elem, _ float64) bool {
		b := m.Bytes(buf[:])
		above[i], below[i] = r.from.admits(b, 1), r.to.admits(b, -1)
		i++
		return true
	})
	if !above[size-1] || !below[0] {
		return 0, 0
	}
	if rev {
		last := size - 1
		for ; last >= 0 && !below[last]; last-- {
		}
		first = last
		for ; first >= 0 && above[first]; first-- {
		}
		return first + 1, last - first
	}
	for ; !above[first]; first++ {
	}
	for ; first+n < size && below[first+n]; n++ {
	}
	return first, n
}

// admits reports whether a member is inside of the bound at which a range begins (side 1) or ends (-1).
func (b lexBound) admits(m []byte, side int) bool {
	cmp := -b.inf
	if b.inf == 0 {
		cmp = bytes.Compare(m, b.text)
	}
	return cmp == side || cmp == 0 && !b.exclusive
}

// rank is how many members come before the bound, which is a range's first or
// last.
func (b lexBound) rank(z value.ZSetRef, size int, first bool) int {
	switch {
	case b.inf < 0:
		return 0
	case b.inf > 0:
		return size
	}
	return z.Before(b.text, b.exclusive == first)
}

// clampRange turns indexes, negative ones counting from the end, into a range
// from a up to but not including b of n elements.
func clampRange(first, last int64, n int) (a, b int) {
	size := int64(n)
	if first < 0 {
		first = max(first+size, 0)
	}
	if last < 0 {
		last += size
	}
	last = min(last, size-1)
	if first > last || first >= size {
		return 0, 0
	}
	return int(first), int(last) + 1
}

func zcount(c *Ctx) error    { return c.zcount('s') }
func zlexcount(c *Ctx) error { return c.zcount('l') }

func (c *Ctx) zcount(by byte) error {
	r := zrange{by: by}
	if err := r.parse(c.Argv[2], c.Argv[3]); err != nil {
		return err
	}
	z, ok, err := c.zset(c.Argv[1])
	if err != nil {
		return err
	}
	n := 0
	if ok {
		_, n = r.find(z, false)
	}
	c.Reply.Int(int64(n))
	return nil
}

func zremrangebyrank(c *Ctx) error  { return c.zremrange('r', eventZRemByRank) }
func zremrangebyscore(c *Ctx) error { return c.zremrange('s', eventZRemByScore) }
func zremrangebylex(c *Ctx) error   { return c.zremrange('l', eventZRemByLex) }

func (c *Ctx) zremrange(by byte, ev engine.Event) error {
	r := zrange{by: by}
	if err := r.parse(c.Argv[2], c.Argv[3]); err != nil {
		return err
	}
	key := c.Argv[1]
	z, ok, err := c.zset(key)
	if err != nil {
		return err
	}
	n := 0
	if ok {
		var first int
		if first, n = r.find(z, false); n > 0 {
			z.RemoveRange(first, n)
			c.Tx.Modified(key, ev)
			c.endIfEmpty(key, z.Len())
		}
	}
	c.Reply.Int(int64(n))
	return nil
}

// replyScoreText replies a score as a string in both versions.
func (c *Ctx) replyScoreText(f float64) {
	proto := c.Reply.Proto
	c.Reply.Proto = 2
	c.Reply.Double(f)
	c.Reply.Proto = proto
}

// countText is a number as an argument of an effect.
func countText(n int) []byte { return strconv.AppendInt(nil, int64(n), 10) }
