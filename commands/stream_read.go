package commands

import (
	"math"

	"cached/engine/value"
	"cached/internal/resp"
)

// The errors of reading streams.
const (
	errXGroupOnly = Error("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.")
	errXNoAckOnly = Error("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.")
	errXNoGroup   = Error("ERR Missing GROUP option for XREADGROUP")
	errXDollar    = Error("ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.")
	errXPlus      = Error("ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would just return an empty result set.")
	errXNew       = Error("ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.")

	errXUnbalanced  = Error("ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be specified.")
	errXGUnbalanced = Error("ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.")
)

// An xreadCall is a call of XREAD or XREADGROUP with its words read.
type xreadCall struct {
	group, consumer []byte // or nil
	noAck           bool
	blocks          bool
	deadlineMS      int64
	count           int64 // 0: all
	keys, ids       [][]byte
}

func (q *xreadCall) parse(c *Ctx, grouped bool) error {
	a := c.Args(1)
	for {
		switch {
		case a.Left() > 1 && a.Is("BLOCK"):
			if c.Script { // alone among the commands that block
				return Error("ERR " + string(c.Argv[0]) + " command is not allowed with BLOCK option from scripts")
			}
			ms, err := c.milliseconds(a.Next())
			if err != nil {
				return err
			}
			q.blocks, q.deadlineMS = true, ms
		case a.Left() > 1 && a.Is("COUNT"):
			n, ok := value.ParseInt(a.Next())
			if !ok {
				return ErrNotInt
			}
			q.count = max(n, 0)
		case a.Left() > 1 && a.Is("STREAMS"):
			n := a.Left()
			switch {
			case n%2 == 0:
			case grouped:
				return errXGUnbalanced
			default:
				return errXUnbalanced
			}
			words := a.argv[a.i:]
			q.keys, q.ids = words[:n/2], words[n/2:]
			if grouped && q.group == nil {
				return errXNoGroup
			}
			if !c.keysAt(a.i) {
				return ErrSyntax // a group or consumer named STREAMS hides the keys
			}
			return nil
		case a.Left() > 2 && a.Is("GROUP"):
			if !grouped {
				return errXGroupOnly
			}
			q.group, q.consumer = a.Next(), a.Next()
		case a.Is("NOACK"):
			if !grouped {
				return errXNoAckOnly
			}
			q.noAck = true
		default:
			return ErrSyntax
		}
	}
}

// keysAt reports whether the row finds the call's first key at that word. If it
// does not, other keys are locked than those that the call means.
func (c *Ctx) keysAt(word int) bool {
	first := 0
	c.Spec.EachKey(c.Argv, func(i int, _ KeyFlag) {
		if first == 0 {
			first = i
		}
	})
	return first == word
}

// milliseconds parses a timeout in whole milliseconds and returns its deadline; 0 is none.
func (c *Ctx) milliseconds(b []byte) (deadlineMS int64, err error) {
	n, ok := value.ParseInt(b)
	switch {
	case !ok:
		return 0, ErrTimeoutInt
	case n < 0:
		return 0, ErrTimeoutNeg
	case n == 0:
		return 0, nil
	case n > math.MaxInt64-c.NowMS:
		return 0, ErrTimeoutRange
	}
	return c.NowMS + n, nil
}

// A streamRead is one stream of a call and the position to read it from.
type streamRead struct {
	key    []byte
	s      value.StreamRef
	there  bool
	after  value.StreamID
	g      value.StreamGroup
	fresh  bool // ">": entries that no consumer has read
	latest bool // "+": the last entry
}

func xread(c *Ctx) error {
	var q xreadCall
	if err := q.parse(c, false); err != nil {
		return err
	}
	reads := make([]streamRead, len(q.keys))
	ready := 0
	for i, id := range q.ids {
		r, err := c.streamRead(q.keys[i])
		if err != nil {
			return err
		}
		switch string(id) {
		case ">":
			return errXNew
		case "$", "+":
			if r.there {
				r.after = r.s.State().Last
			}
			r.latest = string(id) == "+" && r.there && r.s.Len() > 0
			// Whoever waits runs again, and then this is the ID that was meant.
			q.ids[i] = streamIDText(r.after)
		default:
			if r.after, err = streamID(id); err != nil {
				return err
			}
		}
		if r.latest {
			end := r.s.End(true)
			r.after, _ = end.Prev()
		}
		if r.isReady() {
			ready++
		}
		reads[i] = r
	}
	if ready == 0 {
		return c.waitForEntries(&q)
	}
	c.replyStreams(ready)
	for i := range reads {
		if r := &reads[i]; r.isReady() {
			c.replyStreamName(r.key)
			from, _ := r.after.Next()
			c.replyStreamRange(r.s, from, value.MaxStreamID, false, q.limit())
		}
	}
	return nil
}

// limit is the most entries of a stream, negative for all.
func (q *xreadCall) limit() int64 {
	if q.count == 0 {
		return -1
	}
	return q.count
}

// streamRead looks a stream up.
func (c *Ctx) streamRead(key []byte) (r streamRead, err error) {
	r.key = key
	r.s, r.there, err = c.stream(key)
	return r, err
}

// isReady reports whether there is an entry behind the last one read.
func (r *streamRead) isReady() bool {
	return r.there && r.s.Len() > 0 && r.s.End(true).Compare(r.after) > 0
}

// replyStreams begins a reply of n streams.
func (c *Ctx) replyStreams(n int) {
	if c.Reply.Proto == 3 {
		c.Reply.Map(n)
	} else {
		c.Reply.Array(n)
	}
}

// replyStreamName begins one of them.
func (c *Ctx) replyStreamName(key []byte) {
	if c.Reply.Proto != 3 {
		c.Reply.Array(2)
	}
	c.Reply.Bulk(key)
}

// waitForEntries parks the client until one of the streams changes.
func (c *Ctx) waitForEntries(q *xreadCall) error {
	if !q.blocks {
		c.Reply.NullArray()
		return nil
	}
	return c.Block(q.keys, q.deadlineMS, (*resp.Writer).NullArray)
}

func xreadgroup(c *Ctx) error {
	var q xreadCall
	if err := q.parse(c, true); err != nil {
		return err
	}
	reads := make([]streamRead, len(q.keys))
	ready := 0
	for i, id := range q.ids {
		r, err := c.streamRead(q.keys[i])
		if err != nil {
			return err
		}
		found := false
		if r.there {
			r.g, found = r.s.Group(q.group)
		}
		if !found {
			return noGroup(r.key, q.group, " in XREADGROUP with GROUP option")
		}
		switch string(id) {
		case "$":
			return errXDollar
		case "+":
			return errXPlus
		case ">":
			r.fresh, r.after = true, r.g.Last()
		default:
			if r.after, err = streamID(id); err != nil {
				return err
			}
		}
		if !r.fresh || r.isReady() {
			ready++
		}
		reads[i] = r
	}
	c.Tx.PropagateNothing() // each effect is propagated below
	for i := range reads {
		reads[i].consumer(c, &q)
	}
	if ready == 0 {
		return c.waitForEntries(&q)
	}
	mark, n := len(c.Reply.B), 0
	for i := range reads {
		r := &reads[i]
		if r.fresh {
			r.after = r.g.Last() // a stream that is named twice has been read by now
			if !r.isReady() {
				continue
			}
		}
		n++
		c.replyStreamName(r.key)
		if r.fresh {
			c.replyFresh(r, &q)
		} else {
			c.replyHistory(r, &q)
		}
	}
	end := len(c.Reply.B)
	c.replyStreams(n)
	c.Reply.Hoist(mark, end)
	return nil
}

// noGroup is the error of a key that is no stream, or has no such group.
func noGroup(key, group []byte, where string) error {
	return Error("NOGROUP No such key '" + cString(key) + "' or consumer group '" + cString(group) + "'" + where)
}

// consumer returns the consumer of the call, creates it if needed, and records the time of the call.
func (r *streamRead) consumer(c *Ctx, q *xreadCall) value.StreamConsumer {
	consumer, created := r.g.CreateConsumer(q.consumer, c.NowMS)
	if created {
		c.Tx.Modified(r.key, eventXCreateConsumer)
		c.Propagate("XGROUP", []byte("CREATECONSUMER"), r.key, q.group, q.consumer)
	}
	_, active := consumer.Times()
	consumer.SetTimes(c.NowMS, active)
	return consumer
}

// replyFresh gives the consumer entries that no consumer has read.
func (c *Ctx) replyFresh(r *streamRead, q *xreadCall) {
	consumer, _ := r.g.Consumer(q.consumer)
	consumer.SetTimes(c.NowMS, c.NowMS)
	from, _ := r.after.Next()
	limit := q.limit()
	c.replyStreamRange(r.s, from, value.MaxStreamID, false, limit)
	r.s.Range(from, value.MaxStreamID, false, func(e value.StreamEntry) bool {
		r.s.Advance(r.g, e.ID)
		if !q.noAck {
			r.g.Deliver(e.ID, consumer, c.NowMS, 1)
			c.propagateClaim(r.key, q.group, r.g, e.ID)
		}
		limit--
		return limit != 0
	})
	c.Tx.Logged()
	c.propagateGroup(r.key, q.group, r.g) // claims do not say how many were read
}

// replyHistory replies with the consumer's pending entries.
func (c *Ctx) replyHistory(r *streamRead, q *xreadCall) {
	consumer, _ := r.g.Consumer(q.consumer)
	from, _ := r.after.Next()
	var ids []value.StreamPending
	limit := q.limit()
	r.g.EachPending(from, &consumer, func(p value.StreamPending) bool {
		ids = append(ids, p)
		limit--
		return limit != 0
	})
	c.Reply.Array(len(ids))
	for _, p := range ids {
		if c.replyEntry(r.s, p.ID, true) {
			r.g.Deliver(p.ID, consumer, c.NowMS, p.Count+1)
			c.Tx.Logged()
			c.propagateClaim(r.key, q.group, r.g, p.ID)
		}
	}
}

// replyEntry replies with the entry id, if it exists; otherwise with the ID and null, or nothing.
func (c *Ctx) replyEntry(s value.StreamRef, id value.StreamID, orNull bool) bool {
	if s.Has(id) {
		s.Range(id, id, false, func(e value.StreamEntry) bool { c.replyStreamEntry(e); return false })
		return true
	}
	if orNull {
		c.Reply.Array(2)
		c.replyStreamID(id)
		c.Reply.NullArray()
	}
	return false
}

func (c *Ctx) replyStreamEntry(e value.StreamEntry) {
	c.Reply.Array(2)
	c.replyStreamID(e.ID)
	c.Reply.Array(2 * e.Len())
	e.Each(func(name, v []byte) { c.Reply.Bulk(name); c.Reply.Bulk(v) })
}
