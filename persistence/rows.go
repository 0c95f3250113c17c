package persistence

import "cached/commands"

// Commands returns the rows of the commands of persistence.
func (d *Disk) Commands() []commands.Spec {
	restoreArgs := []commands.Arg{
		commands.Key("key", 0), commands.Int("ttl"), commands.Str("serialized-value"),
		commands.Opt(commands.Since("3.0.0", commands.Token("replace", "REPLACE"))),
		commands.Opt(commands.Since("5.0.0", commands.Token("absttl", "ABSTTL"))),
		commands.Opt(commands.Since("5.0.0", commands.After("IDLETIME", commands.Int("seconds")))),
		commands.Opt(commands.Since("5.0.0", commands.After("FREQ", commands.Int("frequency")))),
	}
	const restoreCost = "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N))."
	return []commands.Spec{
		{
			Name: "bgrewriteaof", Group: commands.Server, Since: "1.0.0", Arity: 1, Complexity: "O(1)",
			Summary: "Asynchronously rewrite the append-only file",
			Flags:   commands.Admin | commands.NoScript | commands.NoAsyncLoading,
			Run:     d.bgrewriteaof,
		},
		{
			Name: "bgsave", Group: commands.Server, Since: "1.0.0", Arity: -1, Complexity: "O(1)",
			Summary: "Asynchronously save the dataset to disk",
			Flags:   commands.Admin | commands.NoScript | commands.NoAsyncLoading,
			Args:    []commands.Arg{commands.Opt(commands.Since("3.2.2", commands.Token("schedule", "SCHEDULE")))},
			Run:     d.bgsave,
		},
		{
			Name: "lastsave", Group: commands.Server, Since: "1.0.0", Arity: 1, Complexity: "O(1)",
			Summary: "Get the UNIX time stamp of the last successful save to disk",
			Flags:   commands.Loading | commands.Stale | commands.Fast, ACL: commands.CatAdmin | commands.CatDangerous,
			Tips: []string{"nondeterministic_output"},
			Run:  d.lastsave,
		},
		{
			Name: "migrate", Group: commands.Generic, Since: "2.6.0", Arity: -6,
			Complexity: "This command actually executes a DUMP+DEL in the source instance, and a RESTORE in the target instance. See the pages of these commands for time complexity. Also an O(N) data transfer between the two instances is performed.",
			Summary:    "Atomically transfer a key from a Redis instance to another one.",
			Flags:      commands.Write | commands.MovableKeys, ACL: commands.CatKeyspace | commands.CatDangerous,
			Tips: []string{"nondeterministic_output"},
			Keys: []commands.KeySpec{{Flags: commands.RW | commands.Access | commands.Delete, Index: 3, Step: 1, Instead: "KEYS"},
				{Flags: commands.RW | commands.Access | commands.Delete | commands.Incomplete, Keyword: "KEYS", From: -2, Last: -1, Step: 1}},
			Args: []commands.Arg{
				commands.Str("host"), commands.Int("port"),
				commands.OneOf("key_or_empty_string", commands.Key("key", 0), commands.Token("empty_string", "")),
				commands.Int("destination-db"), commands.Int("timeout"),
				commands.Opt(commands.Since("3.0.0", commands.Token("copy", "COPY"))),
				commands.Opt(commands.Since("3.0.0", commands.Token("replace", "REPLACE"))),
				commands.Opt(commands.OneOf("authentication",
					commands.Opt(commands.Since("4.0.7", commands.After("AUTH", commands.Str("password")))),
					commands.Opt(commands.Since("6.0.0", commands.After("AUTH2", commands.Block("username_password", commands.Str("username"), commands.Str("password"))))))),
				commands.Opt(commands.Many(commands.Since("3.0.6", commands.After("KEYS", commands.Key("key", 1))))),
			},
			Run: d.migrate,
		},
		{
			Name: "save", Group: commands.Server, Since: "1.0.0", Arity: 1, Complexity: "O(N) where N is the total number of keys in all databases",
			Summary: "Synchronously save the dataset to disk",
			Flags:   commands.Admin | commands.NoScript | commands.NoAsyncLoading | commands.NoMulti | commands.Keyspace,
			Run:     d.save,
		},
		{
			Name: "dump", Group: commands.Generic, Since: "2.6.0", Arity: 2,
			Complexity: "O(1) to access the key and additional O(N*M) to serialize it, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).",
			Summary:    "Return a serialized version of the value stored at the specified key.",
			Flags:      commands.ReadOnly, ACL: commands.CatKeyspace, Tips: []string{"nondeterministic_output"},
			Keys: []commands.KeySpec{commands.KeyAt(1, commands.RO|commands.Access)},
			Args: []commands.Arg{commands.Key("key", 0)},
			Run:  d.dump,
		},
		{
			Name: "restore", Group: commands.Generic, Since: "2.6.0", Arity: -4, Complexity: restoreCost,
			Summary: "Create a key using the provided serialized value, previously obtained using DUMP.",
			Flags:   commands.Write | commands.DenyOOM, ACL: commands.CatKeyspace | commands.CatDangerous,
			Keys: []commands.KeySpec{commands.KeyAt(1, commands.OW|commands.Update)},
			Args: restoreArgs, Run: d.restore,
		},
		{
			Name: "restore-asking", Group: commands.Server, Since: "3.0.0", Arity: -4, Complexity: restoreCost,
			Summary: "An internal command for migrating keys in a cluster",
			Flags:   commands.Write | commands.DenyOOM | commands.Asking, ACL: commands.CatKeyspace | commands.CatDangerous,
			Doc:  commands.SysCmd,
			Keys: []commands.KeySpec{commands.KeyAt(1, commands.OW|commands.Update)},
			Args: restoreArgs, Run: d.restore,
		},
	}
}
