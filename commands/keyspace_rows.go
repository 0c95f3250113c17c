package commands

// keyspaceCommands are the rows of whole databases.
var keyspaceCommands = []Spec{
	{
		Name: "dbsize", Group: Server, Since: "1.0.0", Arity: 1, Complexity: "O(1)",
		Summary: "Return the number of keys in the selected database.",
		Flags:   ReadOnly | Fast | Deferred, ACL: CatKeyspace, Tips: []string{"request_policy:all_shards", "response_policy:agg_sum"},
		Run: dbsize,
	},
	{
		Name: "flushall", Group: Server, Since: "1.0.0", Arity: -1, Complexity: "O(N) where N is the total number of keys in all databases",
		Summary: "Remove all keys from all databases.",
		Flags:   Write | Keyspace, ACL: CatKeyspace | CatDangerous, Tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"},
		Args: []Arg{Opt(OneOf("async", Since("4.0.0", Token("async", "ASYNC")), Since("6.2.0", Token("sync", "SYNC"))))},
		Run:  flushall,
	},
	{
		Name: "flushdb", Group: Server, Since: "1.0.0", Arity: -1, Complexity: "O(N) where N is the number of keys in the selected database",
		Summary: "Remove all keys from the current database.",
		Flags:   Write | Keyspace, ACL: CatKeyspace | CatDangerous, Tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"},
		Args: []Arg{Opt(OneOf("async", Since("4.0.0", Token("async", "ASYNC")), Since("6.2.0", Token("sync", "SYNC"))))},
		Run:  flushdb,
	},
	{
		Name: "swapdb", Group: Server, Since: "4.0.0", Arity: 3, Complexity: "O(N) where N is the count of clients watching or blocking on keys from both databases",
		Summary: "Swaps two Redis databases.",
		Flags:   Write | Fast | Keyspace, ACL: CatKeyspace | CatDangerous,
		Args: []Arg{Int("index1"), Int("index2")},
		Run:  swapdb,
	},
}
