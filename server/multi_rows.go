package server

import "cached/commands"

// multiRows are the rows of transactions.
func (s *Road) multiRows() []commands.Spec {
	return []commands.Spec{
		{
			Name: "discard", Group: commands.Transactions, Since: "2.0.0", Arity: 1, Complexity: "O(N), when N is the number of queued commands",
			Summary: "Discard all commands issued after MULTI.",
			Flags:   commands.NoScript | commands.Loading | commands.Stale | commands.Fast | commands.AllowBusy | commands.InMulti, ACL: commands.CatTransaction,
			Run: s.discard,
		},
		{
			Name: "exec", Group: commands.Transactions, Since: "1.2.0", Arity: 1, Complexity: "Depends on commands in the transaction",
			Summary: "Execute all commands issued after MULTI.",
			Flags:   commands.NoScript | commands.Loading | commands.Stale | commands.SkipSlowlog | commands.InMulti, ACL: commands.CatTransaction,
			Run: s.exec,
		},
		{
			Name: "multi", Group: commands.Transactions, Since: "1.2.0", Arity: 1, Complexity: "O(1)",
			Summary: "Mark the start of a transaction block.",
			Flags:   commands.NoScript | commands.Loading | commands.Stale | commands.Fast | commands.AllowBusy | commands.InMulti, ACL: commands.CatTransaction,
			Run: s.multi,
		},
		{
			Name: "unwatch", Group: commands.Transactions, Since: "2.2.0", Arity: 1, Complexity: "O(1)",
			Summary: "Forget about all watched keys.",
			Flags:   commands.NoScript | commands.Loading | commands.Stale | commands.Fast | commands.AllowBusy, ACL: commands.CatTransaction,
			Run: s.unwatch,
		},
		{
			Name: "watch", Group: commands.Transactions, Since: "2.2.0", Arity: -2, Complexity: "O(1) for every key",
			Summary: "Watch the given keys to determine execution of the MULTI/EXEC block.",
			Flags:   commands.NoScript | commands.Loading | commands.Stale | commands.Fast | commands.AllowBusy | commands.InMulti, ACL: commands.CatTransaction,
			Keys: []commands.KeySpec{commands.KeysFrom(1, -1, 1, commands.RO)},
			Args: []commands.Arg{commands.Many(commands.Key("key", 0))},
			Run:  s.watchKeys,
		},
	}
}
