package commands

import (
	"bytes"
	"math"
	"slices"

	"cached/engine"
	"cached/engine/value"
)

// ZUNION, ZINTER, ZDIFF, their STORE forms and ZINTERCARD. Sets count as sorted
// sets with scores of 1.

// A zsource is one input.
type zsource struct {
	set    value.SetRef
	zset   value.ZSetRef
	isSet  bool
	there  bool
	weight float64
}

func (s *zsource) len() int {
	switch {
	case !s.there:
		return 0
	case s.isSet:
		return s.set.Len()
	}
	return s.zset.Len()
}

// score returns the score of a member.
func (s *zsource) score(m []byte) (float64, bool) {
	switch {
	case !s.there:
		return 0, false
	case s.isSet:
		return 1, s.set.Has(m)
	}
	return s.zset.Score(m)
}

func (s *zsource) each(visit func(m value.Elem, f float64) bool) {
	switch {
	case !s.there:
	case s.isSet:
		s.set.Each(func(m value.Elem) bool { return visit(m, 1) })
	default:
		s.zset.Each(visit)
	}
}

// zsources returns the inputs at keys.
func (c *Ctx) zsources(keys [][]byte) (all []zsource, err error) {
	for range 2 { // again, since a key that expires may move the slots of others
		all = all[:0]
		for _, k := range keys {
			s := zsource{weight: 1}
			if it := c.Tx.Peek(k); !it.IsZero() && value.TypeOf(it) == value.Set {
				s.isSet = true
				s.set, s.there, err = c.set(k)
			} else {
				s.zset, s.there, err = c.zset(k)
			}
			if err != nil {
				return nil, err
			}
			all = append(all, s)
		}
		c.Tx.Counting = false
	}
	return all, nil
}

// An aggregate says how scores of the same member become one.
type aggregate uint8

const (
	aggregateSum aggregate = iota
	aggregateMin
	aggregateMax
)

// of aggregates the scores a, so far, and b. Of two zeros the first stays: the
// built-in min and max would look at their signs.
func (g aggregate) of(a, b float64) float64 {
	switch {
	case g == aggregateMin && b < a, g == aggregateMax && b > a:
		return b
	case g != aggregateSum:
		return a
	}
	if f := a + b; !math.IsNaN(f) {
		return f
	}
	return 0 // infinities of both signs, or not a number
}

// weighed is a score with its weight; infinity without weight is 0.
func weighed(f, weight float64) float64 {
	if f *= weight; math.IsNaN(f) {
		return 0
	}
	return f
}

// A zoperation is a call with its words read.
type zoperation struct {
	op         setOperation
	sources    []zsource
	aggregate  aggregate
	withScores bool
	limit      int64
}

// parseZOperation reads "numkeys key ... options" from word at on.
func (c *Ctx) parseZOperation(at int, op setOperation, store, card bool) (q zoperation, err error) {
	q.op = op
	a := c.Args(at)
	n, ok := value.ParseInt(a.Next())
	switch {
	case !ok:
		return q, ErrNotInt
	case n < 1:
		return q, Error("ERR at least 1 input key is needed for '" + c.Spec.FullName() + "' command")
	case n > int64(a.Left()):
		return q, ErrSyntax
	}
	keys := a.argv[a.i : a.i+int(n)]
	a.i += int(n)
	if q.sources, err = c.zsources(keys); err != nil {
		return q, err
	}
	for a.More() {
		switch {
		case op != opDiff && !card && a.Left() > int(n) && a.Is("WEIGHTS"):
			for i := range q.sources {
				f, ok := ParseFloat(a.Next())
				if !ok {
					return q, Error("ERR weight value is not a float")
				}
				q.sources[i].weight = f
			}
		case op != opDiff && !card && a.Left() > 1 && a.Is("AGGREGATE"):
			switch {
			case a.Is("SUM"):
				q.aggregate = aggregateSum
			case a.Is("MIN"):
				q.aggregate = aggregateMin
			case a.Is("MAX"):
				q.aggregate = aggregateMax
			default:
				return q, ErrSyntax
			}
		case !store && !card && a.Is("WITHSCORES"):
			q.withScores = true
		case card && a.Left() > 1 && a.Is("LIMIT"):
			limit, ok := value.ParseInt(a.Next())
			if !ok || limit < 0 {
				return q, errLimitBelow0
			}
			q.limit = limit
		default:
			return q, ErrSyntax
		}
	}
	return q, a.End()
}

// run visits the result in no order until visit returns false.
func (q *zoperation) run(visit func(m value.Elem, f float64) bool) {
	if q.op != opDiff {
		// Redis adds scores up in this order.
		slices.SortStableFunc(q.sources, func(a, b zsource) int { return a.len() - b.len() })
	}
	var buf [20]byte
	switch q.op {
	case opInter:
		q.sources[0].each(func(m value.Elem, f float64) bool {
			b := m.Bytes(buf[:])
			f = weighed(f, q.sources[0].weight)
			for i := 1; i < len(q.sources); i++ {
				g, found := q.sources[i].score(b)
				if !found {
					return true
				}
				// As in Redis, infinity without weight is no number but for the first.
				f = q.aggregate.of(f, g*q.sources[i].weight)
			}
			return visit(m, f)
		})
	case opUnion:
		for i := range q.sources {
			q.sources[i].each(func(m value.Elem, f float64) bool {
				b := m.Bytes(buf[:])
				for j := range i {
					if _, found := q.sources[j].score(b); found {
						return true
					}
				}
				f = weighed(f, q.sources[i].weight)
				for j := i + 1; j < len(q.sources); j++ {
					if g, found := q.sources[j].score(b); found {
						f = q.aggregate.of(f, weighed(g, q.sources[j].weight))
					}
				}
				return visit(m, f)
			})
		}
	default:
		q.sources[0].each(func(m value.Elem, f float64) bool {
			b := m.Bytes(buf[:])
			for i := 1; i < len(q.sources); i++ {
				if _, found := q.sources[i].score(b); found {
					return true
				}
			}
			return visit(m, f)
		})
	}
}

// A zpair is a member, outside the engine's memory or aliasing it, and a score.
type zpair struct {
	m value.Elem
	f float64
}

// sorted returns the result in order. It aliases the inputs.
func (q *zoperation) sorted() (out []zpair) {
	q.run(func(m value.Elem, f float64) bool { out = push(out, zpair{m, f}); return true })
	var x, y [20]byte
	slices.SortFunc(out, func(a, b zpair) int {
		switch {
		case a.f < b.f:
			return -1
		case a.f > b.f:
			return 1
		}
		return bytes.Compare(a.m.Bytes(x[:]), b.m.Bytes(y[:]))
	})
	return out
}

func zunion(c *Ctx) error { return c.replyZOperation(opUnion) }
func zinter(c *Ctx) error { return c.replyZOperation(opInter) }
func zdiff(c *Ctx) error  { return c.replyZOperation(opDiff) }

func (c *Ctx) replyZOperation(op setOperation) error {
	q, err := c.parseZOperation(1, op, false, false)
	if err != nil {
		return err
	}
	out := q.sorted()
	c.replyPairs(len(out), q.withScores)
	for _, p := range out {
		if c.Reply.Full {
			break
		}
		c.replyPair(p.m, p.f, q.withScores)
	}
	return nil
}

func zunionstore(c *Ctx) error { return c.storeZOperation(opUnion, eventZUnionStore) }
func zinterstore(c *Ctx) error { return c.storeZOperation(opInter, eventZInterStore) }
func zdiffstore(c *Ctx) error  { return c.storeZOperation(opDiff, eventZDiffStore) }

func (c *Ctx) storeZOperation(op setOperation, ev engine.Event) error {
	q, err := c.parseZOperation(2, op, true, false)
	if err != nil {
		return err
	}
	var pairs zpairs
	for _, p := range q.sorted() {
		pairs.add(p.m, p.f)
	}
	c.storeZSet(c.Argv[1], &pairs, ev)
	return nil
}

func zintercard(c *Ctx) error {
	q, err := c.parseZOperation(1, opInter, false, true)
	if err != nil {
		return err
	}
	n := int64(0)
	q.run(func(value.Elem, float64) bool { n++; return q.limit == 0 || n < q.limit })
	c.Reply.Int(n)
	return nil
}
