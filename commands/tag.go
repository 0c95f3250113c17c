package commands

import (
	"math"
	"slices"
	"strconv"

	"cached/engine"
	"cached/engine/table"
)

// eventTag is told of a key that was given tags: the value is as it was.
var eventTag = engine.Event{Name: "tagadd", Class: engine.ClassGeneric, Beside: true}

// tagAdd replies how many tags are new to the key, or null without the key.
func tagAdd(c *Ctx) error {
	a := c.Args(2)
	var names []string
	for a.More() {
		names = a.tag(names)
	}
	if err := a.Err(); err != nil {
		return err
	}
	key := c.Argv[1]
	m, exists := c.Tx.Meta(key)
	if !exists {
		c.Reply.Null()
		return nil
	}
	added := 0
	for _, t := range names {
		if !slices.Contains(m.Tags, t) {
			m.Tags = append(m.Tags, t)
			added++
		}
	}
	if limit := c.Tx.Engine().TagLimit(); added > 0 && len(m.Tags) > limit {
		return Error("ERR a key may have " + strconv.Itoa(limit) + " tags at most (cache-max-tags)")
	}
	if added > 0 {
		c.Tx.SetMeta(key, &m)
		c.Tx.Modified(key, eventTag)
		c.propagateMeta(key, &m)
	}
	c.Reply.Int(int64(added))
	return nil
}

func tagOf(c *Ctx) error {
	m, _ := c.Tx.Meta(c.Argv[1])
	c.Reply.Set(len(m.Tags))
	for _, t := range m.Tags {
		c.Reply.BulkString(t)
	}
	return nil
}

// tagInvalidate ends what has the tags. SOFT in front of at least one tag is the option.
func tagInvalidate(c *Ctx) error {
	a := c.Args(1)
	since := int64(0)
	if a.Left() > 1 && a.Is("SOFT") {
		since = c.NowMS
	}
	var names []string
	for a.More() {
		names = a.tag(names)
	}
	if err := a.Err(); err != nil {
		return err
	}
	n := c.Tx.InvalidateTags(names, since)
	if n == 0 {
		c.Tx.PropagateNothing()
	} else {
		var d decimal
		words := [][]byte{[]byte("TAG"), d.of(since)}
		for _, t := range names {
			words = append(words, []byte(t))
		}
		c.Propagate("CACHE.PURGED", words...)
	}
	c.Reply.Int(int64(n))
	return nil
}

func tagKeys(c *Ctx) error {
	cursor, err := c.scanCursor(2)
	if err != nil {
		return err
	}
	count := int64(0)
	for a := c.Args(3); a.More() || a.Err() != nil; {
		if err := a.Err(); err != nil {
			return err
		}
		if !a.Is("COUNT") {
			return c.unknownOption(a.Next())
		}
		if a.once(&count, "COUNT", 1, math.MaxInt32); a.Err() != nil {
			return a.Err()
		}
	}
	if count == 0 {
		count = 10
	}
	n, mark := 0, len(c.Reply.B)
	next, err := c.Tx.ScanTag(cursor, int(count), string(c.Argv[1]), func(it table.Item) {
		if !c.Reply.Full {
			c.Reply.Bulk(it.Key())
			n++
		}
	})
	if err != nil {
		return err
	}
	c.arrayAt(mark, n)
	keys := len(c.Reply.B)
	c.Reply.Array(2)
	c.replyCursor(next)
	c.Reply.Hoist(mark, keys)
	return nil
}
