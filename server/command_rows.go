package server

import "cached/commands"

// commandRows are the rows of COMMAND and its subcommands.
func (s *Server) commandRows() []commands.Spec {
	return []commands.Spec{
		{
			Name: "command", Group: commands.Server, Since: "2.8.13", Arity: -1, Complexity: "O(N) where N is the total number of Redis commands",
			Summary: "Get array of Redis command details.",
			Flags:   commands.Loading | commands.Stale, ACL: commands.CatConnection, Tips: []string{"nondeterministic_output_order"},
			Sub: []commands.Spec{
				{
					Name: "count", Since: "2.8.13", Arity: 2, Complexity: "O(1)",
					Summary: "Get total number of Redis commands.",
					Flags:   commands.Loading | commands.Stale, ACL: commands.CatConnection,
					Run: s.commandCount,
				},
				{
					Name: "docs", Since: "7.0.0", Arity: -2, Complexity: "O(N) where N is the number of commands to look up",
					Summary: "Get array of specific Redis command documentation.",
					Flags:   commands.Loading | commands.Stale, ACL: commands.CatConnection, Tips: []string{"nondeterministic_output_order"},
					Args: []commands.Arg{commands.Opt(commands.Many(commands.Str("command-name")))},
					Run:  s.commandDocs,
				},
				{
					Name: "getkeys", Since: "2.8.13", Arity: -3, Complexity: "O(N) where N is the number of arguments to the command",
					Summary: "Extract keys given a full Redis command.",
					Flags:   commands.Loading | commands.Stale, ACL: commands.CatConnection,
					Run: s.commandGetkeys,
				},
				{
					Name: "getkeysandflags", Since: "7.0.0", Arity: -3, Complexity: "O(N) where N is the number of arguments to the command",
					Summary: "Extract keys and access flags given a full Redis command.",
					Flags:   commands.Loading | commands.Stale, ACL: commands.CatConnection,
					Run: s.commandGetkeysandflags,
				},
				{
					Name: "help", Since: "5.0.0", Arity: 2, Complexity: "O(1)",
					Summary: "Show helpful text about the different subcommands.",
					Flags:   commands.Loading | commands.Stale, ACL: commands.CatConnection,
					Run: s.commandHelp,
				},
				{
					Name: "info", Since: "2.8.13", Arity: -2, Complexity: "O(N) where N is the number of commands to look up",
					Summary: "Get array of specific Redis command details, or all when no argument is given.",
					Flags:   commands.Loading | commands.Stale, ACL: commands.CatConnection, Tips: []string{"nondeterministic_output_order"},
					Args: []commands.Arg{commands.Opt(commands.Many(commands.Str("command-name")))},
					Run:  s.commandInfo,
				},
				{
					Name: "list", Since: "7.0.0", Arity: -2, Complexity: "O(N) where N is the total number of Redis commands",
					Summary: "Get an array of Redis command names.",
					Flags:   commands.Loading | commands.Stale, ACL: commands.CatConnection, Tips: []string{"nondeterministic_output_order"},
					Args: []commands.Arg{commands.Opt(commands.After("FILTERBY", commands.OneOf("filterby", commands.After("MODULE", commands.Str("module-name")), commands.After("ACLCAT", commands.Str("category")), commands.After("PATTERN", commands.Pattern("pattern")))))},
					Run:  s.commandList,
				},
			},
			Run: s.command,
		},
	}
}
