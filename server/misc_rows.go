package server

import "cached/commands"

// miscRows are the rows of the remaining commands about the server.
func (s *Server) miscRows() []commands.Spec {
	return []commands.Spec{
		{
			Name: "lolwut", Group: commands.Server, Since: "5.0.0", Arity: -1,
			Summary: "Display some computer art and the Redis version.",
			Flags:   commands.ReadOnly | commands.Fast,
			Args:    []commands.Arg{commands.Opt(commands.After("VERSION", commands.Int("version")))},
			Run:     s.lolwut,
		},
		{
			Name: "module", Group: commands.Server, Since: "4.0.0", Arity: -2, Complexity: "Depends on subcommand",
			Summary: "A container for module commands.",
			Sub: []commands.Spec{
				{
					Name: "help", Since: "5.0.0", Arity: 2, Complexity: "O(1)",
					Summary: "Show helpful text about the different subcommands.",
					Flags:   commands.Loading | commands.Stale,
					Run:     s.moduleHelp,
				},
				{
					Name: "list", Since: "4.0.0", Arity: 2, Complexity: "O(N) where N is the number of loaded modules",
					Summary: "List all modules loaded by the server.",
					Flags:   commands.Admin | commands.NoScript, Tips: []string{"nondeterministic_output_order"},
					Run: s.moduleList,
				},
				{
					Name: "load", Since: "4.0.0", Arity: -3, Complexity: "O(1)",
					Summary: "Load a module.",
					Flags:   commands.Admin | commands.NoScript | commands.NoAsyncLoading,
					Args:    []commands.Arg{commands.Str("path"), commands.Opt(commands.Many(commands.Str("arg")))},
					Run:     noModules,
				},
				{
					Name: "loadex", Since: "7.0.0", Arity: -3, Complexity: "O(1)",
					Summary: "Load a module with extended parameters.",
					Flags:   commands.Admin | commands.NoScript | commands.NoAsyncLoading,
					Args:    []commands.Arg{commands.Str("path"), commands.Opt(commands.ManyTokens(commands.After("CONFIG", commands.Block("configs", commands.Str("name"), commands.Str("value"))))), commands.Opt(commands.Many(commands.After("ARGS", commands.Block("args", commands.Str("arg")))))},
					Run:     noModules,
				},
				{
					Name: "unload", Since: "4.0.0", Arity: 3, Complexity: "O(1)",
					Summary: "Unload a module.",
					Flags:   commands.Admin | commands.NoScript | commands.NoAsyncLoading,
					Args:    []commands.Arg{commands.Str("name")},
					Run:     noModules,
				},
			},
		},
		{
			Name: "shutdown", Group: commands.Server, Since: "1.0.0", Arity: -1, Complexity: "O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)",
			Summary: "Synchronously save the dataset to disk and then shut down the server.",
			Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale | commands.NoMulti | commands.AllowBusy,
			Args:    []commands.Arg{commands.Opt(commands.OneOf("nosave_save", commands.Token("nosave", "NOSAVE"), commands.Token("save", "SAVE"))), commands.Opt(commands.Since("7.0.0", commands.Token("now", "NOW"))), commands.Opt(commands.Since("7.0.0", commands.Token("force", "FORCE"))), commands.Opt(commands.Since("7.0.0", commands.Token("abort", "ABORT")))},
			Run:     s.shutdown,
		},
		{
			Name: "time", Group: commands.Server, Since: "2.6.0", Arity: 1, Complexity: "O(1)",
			Summary: "Return the current server time.",
			Flags:   commands.Loading | commands.Stale | commands.Fast, Tips: []string{"nondeterministic_output"},
			Run: s.timeCmd,
		},
		{
			Name: "waitaof", Group: commands.Generic, Since: "7.2.0", Arity: 4, Complexity: "O(1)",
			Summary: "Blocks until all of the preceding write commands sent by the connection are written to the append-only file of the master and/or replicas.",
			Flags:   commands.Blocking, ACL: commands.CatConnection, Tips: []string{"request_policy:all_shards", "response_policy:agg_min"},
			Args: []commands.Arg{commands.Int("numlocal"), commands.Int("numreplicas"), commands.Int("timeout")},
			Run:  s.waitaof,
		},
	}
}
