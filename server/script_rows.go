package server

import "cached/commands"

const (
	anyKeys     = "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE"
	anyKeysRead = "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS"
)

// scriptFlags are those of every command that runs a script.
const scriptFlags = commands.NoScript | commands.Stale | commands.SkipMonitor | commands.NoMandatoryKeys |
	commands.MovableKeys | commands.Deferred

func scriptArgs(name string) []commands.Arg {
	return []commands.Arg{commands.Str(name), commands.Int("numkeys"),
		commands.Opt(commands.Many(commands.Key("key", 0))), commands.Opt(commands.Many(commands.Str("arg")))}
}

func scriptKeys(flags commands.KeyFlag, notes string) []commands.KeySpec {
	k := commands.KeysCounted(2, flags)
	k.Notes = notes
	return []commands.KeySpec{k}
}

// flushMode is the argument of SCRIPT FLUSH and FUNCTION FLUSH.
func flushMode() commands.Arg {
	return commands.Opt(commands.OneOf("async", commands.Token("async", "ASYNC"), commands.Token("sync", "SYNC")))
}

// scriptRows are the rows of scripts.
func (x *Scripts) scriptRows() []commands.Spec {
	const complexity = "Depends on the script that is executed."
	writes, reads := commands.RW|commands.Access|commands.Update, commands.RO|commands.Access
	allNodes := []string{"request_policy:all_nodes", "response_policy:all_succeeded"}
	return []commands.Spec{
		{
			Name: "eval", Group: commands.Scripting, Since: "2.6.0", Arity: -3, Complexity: complexity,
			Summary: "Execute a Lua script server side.",
			Flags:   scriptFlags | commands.MayReplicate, ACL: commands.CatScripting,
			Keys: scriptKeys(writes, anyKeys), Args: scriptArgs("script"),
			Run: x.eval,
		},
		{
			Name: "evalsha", Group: commands.Scripting, Since: "2.6.0", Arity: -3, Complexity: complexity,
			Summary: "Execute a Lua script server side.",
			Flags:   scriptFlags | commands.MayReplicate, ACL: commands.CatScripting,
			Keys: scriptKeys(writes, ""), Args: scriptArgs("sha1"),
			Run: x.evalsha,
		},
		{
			Name: "eval_ro", Group: commands.Scripting, Since: "7.0.0", Arity: -3, Complexity: complexity,
			Summary: "Execute a read-only Lua script server side.",
			Flags:   scriptFlags | commands.ReadOnly, ACL: commands.CatScripting,
			Keys: scriptKeys(reads, anyKeysRead), Args: scriptArgs("script"),
			Run: x.eval,
		},
		{
			Name: "evalsha_ro", Group: commands.Scripting, Since: "7.0.0", Arity: -3, Complexity: complexity,
			Summary: "Execute a read-only Lua script server side.",
			Flags:   scriptFlags | commands.ReadOnly, ACL: commands.CatScripting,
			Keys: scriptKeys(reads, ""), Args: scriptArgs("sha1"),
			Run: x.evalsha,
		},
		{
			Name: "script", Group: commands.Scripting, Since: "2.6.0", Arity: -2, Complexity: "Depends on subcommand.",
			Summary: "A container for Lua scripts management commands.",
			Sub: []commands.Spec{
				{
					Name: "debug", Since: "3.2.0", Arity: 3, Complexity: "O(1)",
					Summary: "Set the debug mode for executed scripts.",
					Flags:   commands.NoScript, ACL: commands.CatScripting,
					Args: []commands.Arg{commands.OneOf("mode", commands.Token("yes", "YES"), commands.Token("sync", "SYNC"), commands.Token("no", "NO"))},
					Run:  x.scriptDebug,
				},
				{
					Name: "exists", Since: "2.6.0", Arity: -3, Complexity: "O(N) with N being the number of scripts to check (so checking a single script is an O(1) operation).",
					Summary: "Check existence of scripts in the script cache.",
					Flags:   commands.NoScript, ACL: commands.CatScripting, Tips: []string{"request_policy:all_shards", "response_policy:agg_logical_and"},
					Args: []commands.Arg{commands.Many(commands.Str("sha1"))},
					Run:  x.scriptExists,
				},
				{
					Name: "flush", Since: "2.6.0", Arity: -2, Complexity: "O(N) with N being the number of scripts in cache",
					Summary: "Remove all the scripts from the script cache.",
					Flags:   commands.NoScript, ACL: commands.CatScripting, Tips: allNodes,
					Args: []commands.Arg{commands.Since("6.2.0", flushMode())},
					Run:  x.scriptFlush,
				},
				{
					Name: "help", Since: "5.0.0", Arity: 2, Complexity: "O(1)",
					Summary: "Show helpful text about the different subcommands.",
					Flags:   commands.Loading | commands.Stale, ACL: commands.CatScripting,
					Run: x.scriptHelp,
				},
				{
					Name: "kill", Since: "2.6.0", Arity: 2, Complexity: "O(1)",
					Summary: "Kill the script currently in execution.",
					Flags:   commands.NoScript | commands.AllowBusy, ACL: commands.CatScripting, Tips: []string{"request_policy:all_shards", "response_policy:one_succeeded"},
					Run: x.scriptKill,
				},
				{
					Name: "load", Since: "2.6.0", Arity: 3, Complexity: "O(N) with N being the length in bytes of the script body.",
					Summary: "Load the specified Lua script into the script cache.",
					Flags:   commands.NoScript | commands.Stale, ACL: commands.CatScripting, Tips: allNodes,
					Args: []commands.Arg{commands.Str("script")},
					Run:  x.scriptLoad,
				},
			},
		},
	}
}
