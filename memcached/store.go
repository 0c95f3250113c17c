package memcached

import (
	"cached/commands"
	"cached/engine"
	"cached/engine/table"
	"cached/engine/value"
)

const (
	stored    = "STORED"
	notStored = "NOT_STORED"
	notFound  = "NOT_FOUND"
	exists    = "EXISTS"
)

// store sets the key of a storage command.
func store(c *commands.Ctx) {
	key, v := c.Argv[1], c.Argv[5]
	at := deadline(c, c.Argv[3])
	if at != 0 && at <= c.NowMS && !c.Tx.Applying {
		c.RemoveKey(key) // it has expired
	} else {
		var m engine.Meta
		if f := c.Argv[2]; len(f) != 1 || f[0] != '0' {
			n, _ := parseUint64(f)
			m.Flags = uint32(n)
		}
		c.StoreString(key, v, at, &m)
	}
	replyUnless(c.Argv[4], c, stored)
}

func (p *Protocol) set(c *commands.Ctx) error {
	store(c)
	return nil
}

func (p *Protocol) add(c *commands.Ctx) error {
	if c.Tx.Touch(c.Argv[1]) {
		replyUnless(c.Argv[4], c, notStored)
		return nil
	}
	store(c)
	return nil
}

func (p *Protocol) replace(c *commands.Ctx) error {
	if !c.Tx.Touch(c.Argv[1]) {
		replyUnless(c.Argv[4], c, notStored)
		return nil
	}
	store(c)
	return nil
}

// cas is set, if the key has the number that the client was told.
func (p *Protocol) cas(c *commands.Ctx) error {
	if !c.Tx.Touch(c.Argv[1]) {
		p.counts.casMisses.Add(1)
		replyUnless(c.Argv[4], c, notFound)
		return nil
	}
	want, _ := parseUint64(c.Argv[6])
	m, _ := c.Tx.Meta(c.Argv[1])
	if have, has := m.Get(engine.MetaVersion); !has || have != want {
		p.counts.casBad.Add(1)
		replyUnless(c.Argv[4], c, exists)
		return nil
	}
	p.counts.casHits.Add(1)
	store(c)
	return nil
}

func (p *Protocol) append(c *commands.Ctx) error  { return p.extend(c, false) }
func (p *Protocol) prepend(c *commands.Ctx) error { return p.extend(c, true) }

// extend adds to the string at a key, whose flags and deadline stay.
func (p *Protocol) extend(c *commands.Ctx, front bool) error {
	key, more := c.Argv[1], c.Argv[5]
	old := c.Tx.Peek(key)
	if old.IsZero() || value.TypeOf(old) != value.String {
		replyUnless(c.Argv[4], c, notStored)
		return nil
	}
	was := textLen(old)
	if itemSize(len(key), was+len(more)) > p.mostItem() {
		replyUnless(c.Argv[4], c, notStored)
		return nil
	}
	s, err := c.Tx.GrowString(key, was+len(more))
	if err != nil {
		return err
	}
	if front {
		copy(s[len(more):], s[:was])
		copy(s, more)
	} else {
		copy(s[was:], more)
	}
	c.Tx.Modified(key, engine.EventAppend)
	if front {
		c.PropagateChange(key, s)
	} else {
		c.Propagate("APPEND", key, more)
	}
	replyUnless(c.Argv[4], c, stored)
	return nil
}

func textLen(it table.Item) int { return engine.TextOf(it).Len() }

func (p *Protocol) touch(c *commands.Ctx) error {
	if _, ok := parseInt32(c.Argv[2]); !ok {
		replyUnless(c.Argv[3], c, string(textExptime))
		return nil
	}
	found := c.Tx.Touch(c.Argv[1])
	p.counts.touch(found)
	if !found {
		replyUnless(c.Argv[3], c, notFound)
		return nil
	}
	c.MoveDeadline(c.Argv[1], deadline(c, c.Argv[2]))
	replyUnless(c.Argv[3], c, "TOUCHED")
	return nil
}

func (p *Protocol) del(c *commands.Ctx) error {
	if !c.RemoveKey(c.Argv[1]) {
		p.counts.deleteMisses.Add(1)
		replyUnless(c.Argv[2], c, notFound)
		return nil
	}
	p.counts.deleteHits.Add(1)
	replyUnless(c.Argv[2], c, "DELETED")
	return nil
}
