package commands

import (
	"math"

	"cached/engine/value"
)

const (
	errXMinIdle   = Error("ERR Invalid min-idle-time argument for XCLAIM")
	errXAutoIdle  = Error("ERR Invalid min-idle-time argument for XAUTOCLAIM")
	errXIdle      = Error("ERR Invalid IDLE option argument for XCLAIM")
	errXTime      = Error("ERR Invalid TIME option argument for XCLAIM")
	errXRetry     = Error("ERR Invalid RETRYCOUNT option argument for XCLAIM")
	errXAutoCount = Error("ERR COUNT must be > 0")
)

func xpending(c *Ctx) error {
	key, group := c.Argv[1], c.Argv[2]
	if n := len(c.Argv); n != 3 && (n < 6 || n > 9) {
		return ErrSyntax
	}
	from, to := value.StreamID{}, value.MaxStreamID
	minIdle, count := int64(0), int64(0)
	var of []byte
	if len(c.Argv) > 3 {
		at := 3
		if equalFold(c.Argv[3], "IDLE") {
			n, ok := value.ParseInt(c.Argv[4])
			if !ok {
				return ErrNotInt
			}
			if len(c.Argv) < 8 {
				return ErrSyntax
			}
			minIdle, at = n, 5
		}
		n, ok := value.ParseInt(c.Argv[at+2])
		if !ok {
			return ErrNotInt
		}
		count = max(n, 0)
		var err error
		if from, err = streamBound(c.Argv[at], false); err != nil {
			return err
		}
		if to, err = streamBound(c.Argv[at+1], true); err != nil {
			return err
		}
		if at+3 < len(c.Argv) {
			of = c.Argv[at+3]
		}
	}
	_, g, err := c.streamGroup(key, group)
	if err != nil {
		return err
	}
	if len(c.Argv) == 3 {
		c.replyPendingSummary(g)
		return nil
	}
	var consumer *value.StreamConsumer
	if of != nil {
		found, ok := g.Consumer(of)
		if !ok {
			c.Reply.Array(0)
			return nil
		}
		consumer = &found
	}
	var all []value.StreamPending
	if count > 0 {
		g.EachPending(from, consumer, func(p value.StreamPending) bool {
			if p.ID.Compare(to) > 0 {
				return false
			}
			if minIdle == 0 || c.NowMS-p.DeliveredMS >= minIdle {
				all = append(all, p)
			}
			return int64(len(all)) < count
		})
	}
	c.Reply.Array(len(all))
	for _, p := range all {
		c.Reply.Array(4)
		c.replyStreamID(p.ID)
		c.Reply.Bulk(p.Consumer.Name())
		c.Reply.Int(max(c.NowMS-p.DeliveredMS, 0))
		c.Reply.Int(int64(p.Count))
	}
	return nil
}

// replyPendingSummary replies how many entries are pending, from which to which,
// and for whom.
func (c *Ctx) replyPendingSummary(g value.StreamGroup) {
	c.Reply.Array(4)
	c.Reply.Int(int64(g.Pending()))
	if g.Pending() == 0 {
		c.Reply.Null()
		c.Reply.Null()
		c.Reply.NullArray()
		return
	}
	var first, last value.StreamID
	n := 0
	g.EachPending(value.StreamID{}, nil, func(p value.StreamPending) bool { first = p.ID; return false })
	last = g.LastPending()
	c.replyStreamID(first)
	c.replyStreamID(last)
	g.EachConsumer(func(x value.StreamConsumer) bool {
		if x.Pending() > 0 {
			n++
		}
		return true
	})
	c.Reply.Array(n)
	g.EachConsumer(func(x value.StreamConsumer) bool {
		if x.Pending() > 0 {
			var d decimal
			c.Reply.Array(2)
			c.Reply.Bulk(x.Name())
			c.Reply.Bulk(d.of(int64(x.Pending())))
		}
		return true
	})
}

// A claim holds the options of XCLAIM.
type claim struct {
	minIdle        int64
	atMS           int64 // when it counts as delivered
	retry          int64 // negative: one more than before
	force, justIDs bool
	last           value.StreamID
}

func xclaim(c *Ctx) error {
	key, group := c.Argv[1], c.Argv[2]
	s, g, err := c.streamGroup(key, group)
	if err != nil {
		return err
	}
	minIdle, ok := value.ParseInt(c.Argv[4])
	if !ok {
		return errXMinIdle
	}
	q := claim{minIdle: max(minIdle, 0), atMS: -1, retry: -1}
	ids, err := q.parse(c)
	if err != nil {
		return err
	}
	c.Tx.PropagateNothing()
	if q.last.Compare(g.Last()) > 0 {
		g.SetLast(q.last, g.Read())
		c.Tx.Logged()
		c.propagateGroup(key, group, g)
	}
	consumer := c.claimer(key, group, g, c.Argv[3])
	var claimed []value.StreamID
	for _, id := range ids {
		p, pending := g.IsPending(id)
		if !s.Has(id) {
			// An entry that was deleted cannot be claimed, and does not stay pending.
			if pending {
				g.Ack(id)
				c.Tx.Logged()
				c.Propagate("XACK", key, group, streamIDText(id))
			}
			continue
		}
		if !pending && !q.force || pending && q.minIdle > 0 && c.NowMS-p.DeliveredMS < q.minIdle {
			continue
		}
		n := uint64(1) // made pending counts as delivered, and being claimed does too
		if pending {
			n = p.Count
		}
		switch {
		case q.retry >= 0:
			n = uint64(q.retry)
		case !q.justIDs:
			n++
		}
		g.Deliver(id, consumer, q.atMS, n)
		consumer.SetTimes(c.NowMS, c.NowMS)
		c.Tx.Logged()
		c.propagateClaim(key, group, g, id)
		claimed = append(claimed, id)
	}
	c.replyClaimed(s, claimed, q.justIDs)
	return nil
}

// claimer returns the consumer who claims, and creates it if needed.
func (c *Ctx) claimer(key, group []byte, g value.StreamGroup, name []byte) value.StreamConsumer {
	consumer, created := g.CreateConsumer(name, c.NowMS)
	if created {
		c.Tx.Modified(key, eventXCreateConsumer)
		c.Propagate("XGROUP", []byte("CREATECONSUMER"), key, group, name)
	}
	_, active := consumer.Times()
	consumer.SetTimes(c.NowMS, active)
	return consumer
}

// parse reads the IDs of XCLAIM and the options behind them.
func (q *claim) parse(c *Ctx) (ids []value.StreamID, err error) {
	a := c.Args(5)
	for a.More() {
		id, anySeq, ok := parseStreamID(a.Peek(), 0)
		if !ok || anySeq {
			break
		}
		a.Next()
		ids = append(ids, id)
	}
	for a.More() {
		switch {
		case a.Is("FORCE"):
			q.force = true
		case a.Is("JUSTID"):
			q.justIDs = true
		case a.Left() > 1 && a.Is("IDLE"):
			n, ok := value.ParseInt(a.Next())
			if !ok {
				return nil, errXIdle
			}
			q.atMS = c.NowMS - n
		case a.Left() > 1 && a.Is("TIME"):
			n, ok := value.ParseInt(a.Next())
			if !ok {
				return nil, errXTime
			}
			q.atMS = n
		case a.Left() > 1 && a.Is("RETRYCOUNT"):
			n, ok := value.ParseInt(a.Next())
			if !ok {
				return nil, errXRetry
			}
			q.retry = n
		case a.Left() > 1 && a.Is("LASTID"):
			if q.last, err = streamID(a.Next()); err != nil {
				return nil, err
			}
		default:
			return nil, Error("ERR Unrecognized XCLAIM option '" + cString(a.Next()) + "'")
		}
	}
	// A time that is not in the past is now.
	if q.atMS < 0 || q.atMS > c.NowMS {
		q.atMS = c.NowMS
	}
	return ids, nil
}

// replyClaimed replies entries, or their IDs alone.
func (c *Ctx) replyClaimed(s value.StreamRef, ids []value.StreamID, justIDs bool) {
	c.Reply.Array(len(ids))
	for _, id := range ids {
		if justIDs {
			c.replyStreamID(id)
		} else {
			c.replyEntry(s, id, false)
		}
	}
}

func xautoclaim(c *Ctx) error {
	key, group := c.Argv[1], c.Argv[2]
	minIdle, ok := value.ParseInt(c.Argv[4])
	if !ok {
		return errXAutoIdle
	}
	from, err := streamBound(c.Argv[5], false)
	if err != nil {
		return err
	}
	count, justIDs := int64(100), false
	for a := c.Args(6); a.More(); {
		switch {
		case a.Left() > 1 && a.Is("COUNT"):
			n, ok := value.ParseInt(a.Next())
			if !ok || n < 1 || n > math.MaxInt64/16 {
				return errXAutoCount
			}
			count = n
		case a.Is("JUSTID"):
			justIDs = true
		default:
			return ErrSyntax
		}
	}
	s, there, err := c.stream(key)
	if err != nil {
		return err
	}
	var g value.StreamGroup
	if there {
		g, there = s.Group(group)
	}
	if !there {
		return noGroup(key, group, "")
	}
	c.Tx.PropagateNothing()
	consumer := c.claimer(key, group, g, c.Argv[3])
	var found []value.StreamPending
	next, attempts := value.StreamID{}, count*10
	g.EachPending(from, nil, func(p value.StreamPending) bool {
		if attempts == 0 || count == 0 {
			next = p.ID
			return false
		}
		attempts--
		if !s.Has(p.ID) {
			found = append(found, p)
			count--
			return true
		}
		if minIdle > 0 && c.NowMS-p.DeliveredMS < minIdle {
			return true
		}
		found = append(found, p)
		count--
		return true
	})
	var claimed, deleted []value.StreamID
	for _, p := range found {
		if !s.Has(p.ID) {
			g.Ack(p.ID)
			c.Propagate("XACK", key, group, streamIDText(p.ID))
			deleted = append(deleted, p.ID)
			c.Tx.Logged()
			continue
		}
		n := p.Count
		if !justIDs {
			n++
		}
		g.Deliver(p.ID, consumer, c.NowMS, n)
		consumer.SetTimes(c.NowMS, c.NowMS)
		c.Tx.Logged()
		c.propagateClaim(key, group, g, p.ID)
		claimed = append(claimed, p.ID)
	}
	c.Reply.Array(3)
	c.replyStreamID(next)
	c.replyClaimed(s, claimed, justIDs)
	c.Reply.Array(len(deleted))
	for _, id := range deleted {
		c.replyStreamID(id)
	}
	return nil
}
