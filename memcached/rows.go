package memcached

import "cached/commands"

// Rows are the commands. Their words are those of Parser.
func (p *Protocol) Rows() []commands.Spec {
	read := commands.KeyAt(1, commands.RO|commands.Access)
	write := commands.KeyAt(1, commands.RW|commands.Update)
	reads := commands.ReadOnly | commands.Fast
	numbers := commands.Write | commands.CountsReads | commands.Fast // gives keys their CAS numbers, or moves deadlines
	stores := commands.Write | commands.DenyOOM | commands.Fast
	session := commands.Fast | commands.NoAuth | commands.Loading | commands.Stale
	from := func(first int, flags commands.KeyFlag) []commands.KeySpec {
		return []commands.KeySpec{commands.KeysFrom(first, -1, 1, flags)}
	}
	rows := []commands.Spec{
		{Name: "get", Arity: 2, Flags: reads, Keys: []commands.KeySpec{read}, Run: get},
		{Name: "mget", Arity: -2, Flags: reads, Keys: from(1, read.Flags), Run: get},
		{Name: "gets", Arity: 2, Flags: numbers, Keys: []commands.KeySpec{write}, Run: p.gets},
		{Name: "mgets", Arity: -2, Flags: numbers, Keys: from(1, write.Flags), Run: p.gets},
		{Name: "gat", Arity: -2, Flags: numbers, Keys: from(2, write.Flags), Run: p.gat},
		{Name: "gats", Arity: -2, Flags: numbers, Keys: from(2, write.Flags), Run: p.gat},

		{Name: "set", Arity: 6, Flags: stores, Text: 5, Run: p.set},
		{Name: "add", Arity: 6, Flags: stores, Text: 5, Run: p.add},
		{Name: "replace", Arity: 6, Flags: stores, Text: 5, Run: p.replace},
		{Name: "append", Arity: 6, Flags: stores, Run: p.append},
		{Name: "prepend", Arity: 6, Flags: stores, Run: p.prepend},
		{Name: "cas", Arity: 7, Flags: stores, Text: 5, Run: p.cas},
		{Name: "incr", Arity: 4, Flags: stores, Run: p.incr},
		{Name: "decr", Arity: 4, Flags: stores, Run: p.decr},
		{Name: "touch", Arity: 4, Flags: commands.Write | commands.Fast, Run: p.touch},
		{Name: "delete", Arity: 3, Flags: commands.Write | commands.Fast, Run: p.del},
		{Name: "toolarge", Arity: 3, Flags: commands.Write | commands.Fast, Run: tooLarge},

		{Name: "flush_all", Group: commands.Server, Arity: 3, Flags: commands.Write | commands.Keyspace,
			ACL: commands.CatKeyspace | commands.CatDangerous, Run: p.flushAll},
		{Name: "stats", Group: commands.Server, Arity: -1,
			Flags: commands.Loading | commands.Stale | commands.Deferred,
			ACL:   commands.CatDangerous, Run: p.stats},
		{Name: "version", Group: commands.Connection, Arity: 1, Flags: session, Run: showVersion},
		{Name: "verbosity", Group: commands.Connection, Arity: 2, Flags: session, Run: verbose},
		{Name: "quit", Group: commands.Connection, Arity: 1, Flags: session, Run: quit},
		{Name: "shutdown", Group: commands.Connection, Arity: 1, Flags: session, Run: shutdown},
		{Name: "malformed", Group: commands.Connection, Arity: 2, Flags: session, Run: refuse},
	}
	for i := range rows {
		switch r := &rows[i]; {
		case r.Group == commands.Connection:
			r.ACL = commands.CatConnection
		case r.Group == commands.Server:
		default:
			r.Group, r.ACL = commands.String, commands.CatString
			if r.Keys == nil {
				r.Keys = []commands.KeySpec{write}
			}
		}
	}
	return rows
}
