package commands

import "cached/engine"

// eventMeta is not published to clients: the value is unchanged.
var eventMeta = engine.Event{Name: "setmeta", Class: engine.ClassGeneric, Beside: true}

const errMeta = Error("ERR malformed metadata")

var metaCommands = []Spec{
	{
		Name: "cache.meta", Group: Generic, Since: "7.4.0", Arity: 2, Complexity: "O(1)",
		Summary: "Returns the metadata of a key: client flags, version, deadlines, tags.",
		Flags:   ReadOnly | Fast, ACL: CatKeyspace,
		Keys: []KeySpec{KeyAt(1, RO)},
		Args: []Arg{Key("key", 0)},
		Run:  cacheMeta,
	},
	{
		Name: "cache.setmeta", Group: Generic, Since: "7.4.0", Arity: 3, Complexity: "O(1)",
		Summary: "Replaces the metadata of a key by what the log and snapshots keep of it.",
		Flags:   Write | Fast, ACL: CatKeyspace | CatDangerous,
		Keys: []KeySpec{KeyAt(1, RW|Update)},
		Args: []Arg{Key("key", 0), Str("metadata")},
		Run:  cacheSetMeta,
	},
}

// cacheMeta replies with the metadata of a key, or null if the key does not exist.
func cacheMeta(c *Ctx) error {
	m, exists := c.Tx.Meta(c.Argv[1])
	if !exists {
		c.Reply.Null()
		return nil
	}
	type field struct {
		name  string
		value int64
	}
	fields := []field{{"flags", int64(m.Flags)}}
	for _, x := range []struct {
		f    engine.MetaField
		name string
	}{{engine.MetaVersion, "version"}, {engine.MetaSoftMS, "soft-deadline"}, {engine.MetaEndMS, "end"}, {engine.MetaCostMS, "cost"}} {
		if v, ok := m.Get(x.f); ok {
			fields = append(fields, field{x.name, int64(v)})
		}
	}
	if m.Nothing {
		fields = append(fields, field{"negative", 1})
	}
	if lease, out := c.Tx.Lease(c.Argv[1]); out {
		fields = append(fields, field{"lease-until", lease.UntilMS})
	}
	c.Reply.Map(len(fields) + 1)
	for _, x := range fields {
		c.Reply.BulkString(x.name)
		c.Reply.Int(x.value)
	}
	c.Reply.BulkString("tags")
	c.Reply.Array(len(m.Tags))
	for _, t := range m.Tags {
		c.Reply.BulkString(t)
	}
	return nil
}

// cacheSetMeta sets the metadata of a key as the log has it: the words of the item's extension.
func cacheSetMeta(c *Ctx) error {
	m, ok := engine.ParseMeta(c.Argv[2])
	if !ok {
		return errMeta
	}
	if !c.Tx.SetMeta(c.Argv[1], &m) {
		c.Reply.Int(0)
		return nil
	}
	c.Tx.Modified(c.Argv[1], eventMeta)
	c.Reply.Int(1)
	return nil
}

// propagateMeta has the log set the metadata of key.
func (c *Ctx) propagateMeta(key []byte, m *engine.Meta) {
	c.scratch = m.Append(c.scratch[:0])
	c.Propagate("CACHE.SETMETA", key, c.scratch)
}

// propagateChange logs a string that a command has changed rather than set: a SET takes the
// metadata away, which is logged again behind it.
func (c *Ctx) propagateChange(key, v []byte) {
	c.Propagate("SET", key, v, []byte("KEEPTTL"))
	if c.Tx.Peek(key).Extended() {
		m, _ := c.Tx.Meta(key)
		c.propagateMeta(key, &m)
	}
}
