package server

import "cached/commands"

// functionRows are the rows of functions.
func (x *Scripts) functionRows() []commands.Spec {
	const complexity = "Depends on the function that is executed."
	allShards := []string{"request_policy:all_shards", "response_policy:all_succeeded"}
	const writes = commands.NoScript | commands.Write | commands.Keyspace // no function runs meanwhile
	return []commands.Spec{
		{
			Name: "fcall", Group: commands.Scripting, Since: "7.0.0", Arity: -3, Complexity: complexity,
			Summary: "Invoke a function.",
			Flags:   scriptFlags | commands.MayReplicate, ACL: commands.CatScripting,
			Keys: scriptKeys(commands.RW|commands.Access|commands.Update, anyKeys), Args: scriptArgs("function"),
			Run: x.fcall,
		},
		{
			Name: "fcall_ro", Group: commands.Scripting, Since: "7.0.0", Arity: -3, Complexity: complexity,
			Summary: "Invoke a read-only function.",
			Flags:   scriptFlags | commands.ReadOnly, ACL: commands.CatScripting,
			Keys: scriptKeys(commands.RO|commands.Access, anyKeysRead), Args: scriptArgs("function"),
			Run: x.fcall,
		},
		{
			Name: "function", Group: commands.Scripting, Since: "7.0.0", Arity: -2, Complexity: "Depends on subcommand.",
			Summary: "A container for function commands.",
			Sub: []commands.Spec{
				{
					Name: "delete", Since: "7.0.0", Arity: 3, Complexity: "O(1)",
					Summary: "Delete a function by name.",
					Flags:   writes, ACL: commands.CatScripting, Tips: allShards,
					Args: []commands.Arg{commands.Str("library-name")},
					Run:  x.functionDelete,
				},
				{
					Name: "dump", Since: "7.0.0", Arity: 2, Complexity: "O(N) where N is the number of functions",
					Summary: "Dump all functions into a serialized binary payload.",
					Flags:   commands.NoScript, ACL: commands.CatScripting,
					Run: x.functionDump,
				},
				{
					Name: "flush", Since: "7.0.0", Arity: -2, Complexity: "O(N) where N is the number of functions deleted",
					Summary: "Deleting all functions.",
					Flags:   writes, ACL: commands.CatScripting, Tips: allShards,
					Args: []commands.Arg{flushMode()},
					Run:  x.functionFlush,
				},
				{
					Name: "help", Since: "7.0.0", Arity: 2, Complexity: "O(1)",
					Summary: "Show helpful text about the different subcommands.",
					Flags:   commands.Loading | commands.Stale, ACL: commands.CatScripting,
					Run: x.functionHelp,
				},
				{
					Name: "kill", Since: "7.0.0", Arity: 2, Complexity: "O(1)",
					Summary: "Kill the function currently in execution.",
					Flags:   commands.NoScript | commands.AllowBusy, ACL: commands.CatScripting, Tips: []string{"request_policy:all_shards", "response_policy:one_succeeded"},
					Run: x.functionKill,
				},
				{
					Name: "list", Since: "7.0.0", Arity: -2, Complexity: "O(N) where N is the number of functions",
					Summary: "List information about all the functions.",
					Flags:   commands.NoScript, ACL: commands.CatScripting, Tips: []string{"nondeterministic_output_order"},
					Args: []commands.Arg{commands.Opt(commands.After("LIBRARYNAME", commands.Str("library-name-pattern"))), commands.Opt(commands.Token("withcode", "WITHCODE"))},
					Run:  x.functionList,
				},
				{
					Name: "load", Since: "7.0.0", Arity: -3, Complexity: "O(1) (considering compilation time is redundant)",
					Summary: "Create a function with the given arguments (name, code, description).",
					Flags:   writes | commands.DenyOOM, ACL: commands.CatScripting, Tips: allShards,
					Args: []commands.Arg{commands.Opt(commands.Token("replace", "REPLACE")), commands.Str("function-code")},
					Run:  x.functionLoad,
				},
				{
					Name: "restore", Since: "7.0.0", Arity: -3, Complexity: "O(N) where N is the number of functions on the payload",
					Summary: "Restore all the functions on the given payload.",
					Flags:   writes | commands.DenyOOM, ACL: commands.CatScripting, Tips: allShards,
					Args: []commands.Arg{commands.Str("serialized-value"), commands.Opt(commands.OneOf("policy", commands.Token("flush", "FLUSH"), commands.Token("append", "APPEND"), commands.Token("replace", "REPLACE")))},
					Run:  x.functionRestore,
				},
				{
					Name: "stats", Since: "7.0.0", Arity: 2, Complexity: "O(1)",
					Summary: "Return information about the function currently running (name, description, duration).",
					Flags:   commands.NoScript | commands.AllowBusy, ACL: commands.CatScripting,
					Tips: []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
					Run:  x.functionStats,
				},
			},
		},
	}
}
