package commands

import (
	"cached/engine/value"
)

// streamInfo returns the stream of XINFO's words.
func (c *Ctx) streamInfo() (s value.StreamRef, err error) {
	s, ok, err := c.stream(c.Argv[2])
	if err == nil && !ok {
		err = ErrNoKey
	}
	return s, err
}

func (c *Ctx) field(name string) { c.Reply.BulkString(name) }

func (c *Ctx) intField(name string, n int64) {
	c.field(name)
	c.Reply.Int(n)
}

// intOrNull replies a number that may not be known.
func (c *Ctx) intOrNull(name string, n int64, known bool) {
	c.field(name)
	if known {
		c.Reply.Int(n)
	} else {
		c.Reply.Null()
	}
}

func (c *Ctx) replyRead(g value.StreamGroup) {
	c.intOrNull("entries-read", g.Read(), g.Read() != value.NoRead)
}

func (c *Ctx) replyLag(s value.StreamRef, g value.StreamGroup) {
	n, known := s.Lag(g)
	c.intOrNull("lag", n, known)
}

func xinfoGroups(c *Ctx) error {
	s, err := c.streamInfo()
	if err != nil {
		return err
	}
	c.Reply.Array(s.Groups())
	s.EachGroup(func(g value.StreamGroup) bool {
		c.Reply.Map(6)
		c.field("name")
		c.Reply.Bulk(g.Name())
		c.intField("consumers", int64(g.Consumers()))
		c.intField("pending", int64(g.Pending()))
		c.field("last-delivered-id")
		c.replyStreamID(g.Last())
		c.replyRead(g)
		c.replyLag(s, g)
		return true
	})
	return nil
}

func xinfoConsumers(c *Ctx) error {
	s, err := c.streamInfo()
	if err != nil {
		return err
	}
	g, ok := s.Group(c.Argv[3])
	if !ok {
		return noGroupFor(c.Argv[2], c.Argv[3])
	}
	c.Reply.Array(g.Consumers())
	g.EachConsumer(func(x value.StreamConsumer) bool {
		seen, active := x.Times()
		c.Reply.Map(4)
		c.field("name")
		c.Reply.Bulk(x.Name())
		c.intField("pending", int64(x.Pending()))
		c.intField("idle", max(c.NowMS-seen, 0))
		inactive := int64(-1)
		if active >= 0 {
			inactive = max(c.NowMS-active, 0)
		}
		c.intField("inactive", inactive)
		return true
	})
	return nil
}

func xinfoStream(c *Ctx) error {
	s, err := c.streamInfo()
	if err != nil {
		return err
	}
	full, count := false, int64(10)
	for a := c.Args(3); a.More(); {
		switch {
		case !full && a.Is("FULL"):
			full = true
		case full && a.Left() == 2 && a.Is("COUNT"):
			n, ok := value.ParseInt(a.Next())
			if !ok {
				return ErrNotInt
			}
			if count = n; n < 0 {
				count = 10
			}
		default:
			return c.errSubcommand()
		}
	}
	st := s.State()
	if full {
		c.Reply.Map(9)
	} else {
		c.Reply.Map(10)
	}
	c.intField("length", int64(s.Len()))
	// There is a node here for each key of Redis's radix tree; of its own nodes there is one for each and a root.
	c.intField("radix-tree-keys", int64(s.Nodes()))
	c.intField("radix-tree-nodes", int64(s.Nodes()+1))
	c.field("last-generated-id")
	c.replyStreamID(st.Last)
	c.field("max-deleted-entry-id")
	c.replyStreamID(st.MaxDeleted)
	c.intField("entries-added", int64(st.Added))
	c.field("recorded-first-entry-id")
	c.replyStreamID(s.End(false))
	if !full {
		c.intField("groups", int64(s.Groups()))
		for _, end := range []bool{false, true} {
			c.field(map[bool]string{false: "first-entry", true: "last-entry"}[end])
			if s.Len() == 0 {
				c.Reply.Null()
				continue
			}
			c.replyEntry(s, s.End(end), false)
		}
		return nil
	}
	c.field("entries")
	if count == 0 {
		count = -1
	}
	c.replyStreamRange(s, value.StreamID{}, value.MaxStreamID, false, count)
	c.field("groups")
	c.Reply.Array(s.Groups())
	s.EachGroup(func(g value.StreamGroup) bool {
		c.replyFullGroup(s, g, count)
		return true
	})
	return nil
}

// replyFullGroup replies all of a group, with at most count pending entries of
// it and of each consumer.
func (c *Ctx) replyFullGroup(s value.StreamRef, g value.StreamGroup, count int64) {
	c.Reply.Map(7)
	c.field("name")
	c.Reply.Bulk(g.Name())
	c.field("last-delivered-id")
	c.replyStreamID(g.Last())
	c.replyRead(g)
	c.replyLag(s, g)
	c.intField("pel-count", int64(g.Pending()))
	c.field("pending")
	c.replyPending(g, nil, count)
	c.field("consumers")
	c.Reply.Array(g.Consumers())
	g.EachConsumer(func(x value.StreamConsumer) bool {
		seen, active := x.Times()
		c.Reply.Map(5)
		c.field("name")
		c.Reply.Bulk(x.Name())
		c.intField("seen-time", seen)
		c.intField("active-time", active)
		c.intField("pel-count", int64(x.Pending()))
		c.field("pending")
		c.replyPending(g, &x, count)
		return !c.Reply.Full
	})
}

// replyPending replies pending entries of a group, or of one of its consumers.
func (c *Ctx) replyPending(g value.StreamGroup, of *value.StreamConsumer, count int64) {
	n := int64(g.Pending())
	if of != nil {
		n = int64(of.Pending())
	}
	if count > 0 {
		n = min(n, count)
	}
	c.Reply.Array(int(n))
	if n == 0 {
		return
	}
	g.EachPending(value.StreamID{}, of, func(p value.StreamPending) bool {
		if of == nil {
			c.Reply.Array(4)
			c.replyStreamID(p.ID)
			c.Reply.Bulk(p.Consumer.Name())
		} else {
			c.Reply.Array(3)
			c.replyStreamID(p.ID)
		}
		c.Reply.Int(p.DeliveredMS)
		c.Reply.Int(int64(p.Count))
		n--
		return n > 0 && !c.Reply.Full
	})
}

func xinfoHelp(c *Ctx) error {
	return c.ReplyHelp("XINFO",
		"CONSUMERS <key> <groupname>",
		"    Show consumers of <groupname>.",
		"GROUPS <key>",
		"    Show the stream consumer groups.",
		"STREAM <key> [FULL [COUNT <count>]",
		"    Show information about the stream.")
}
