package server

import "cached/commands"

// slowlogRows are the rows of SLOWLOG and its subcommands.
func (s *Server) slowlogRows() []commands.Spec {
	return []commands.Spec{
		{
			Name: "slowlog", Group: commands.Server, Since: "2.2.12", Arity: -2, Complexity: "Depends on subcommand",
			Summary: "A container for slow log commands.",
			Sub: []commands.Spec{
				{
					Name: "get", Since: "2.2.12", Arity: -2, Complexity: "O(N) where N is the number of entries returned",
					Summary: "Get the slow log's entries.",
					Flags:   commands.Admin | commands.Loading | commands.Stale, Tips: []string{"request_policy:all_nodes", "nondeterministic_output"},
					Args: []commands.Arg{commands.Opt(commands.Int("count"))},
					Run:  s.slowlogGet,
				},
				{
					Name: "help", Since: "6.2.0", Arity: 2, Complexity: "O(1)",
					Summary: "Show helpful text about the different subcommands.",
					Flags:   commands.Loading | commands.Stale,
					Run:     s.slowlogHelp,
				},
				{
					Name: "len", Since: "2.2.12", Arity: 2, Complexity: "O(1)",
					Summary: "Get the slow log's length.",
					Flags:   commands.Admin | commands.Loading | commands.Stale, Tips: []string{"request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"},
					Run: s.slowlogLen,
				},
				{
					Name: "reset", Since: "2.2.12", Arity: 2, Complexity: "O(N) where N is the number of entries in the slowlog",
					Summary: "Clear all entries from the slow log.",
					Flags:   commands.Admin | commands.Loading | commands.Stale, Tips: []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
					Run: s.slowlogReset,
				},
			},
		},
	}
}

// commandlogRows are the rows of COMMANDLOG and its subcommands.
func (s *Server) commandlogRows() []commands.Spec {
	kind := commands.OneOf("type", commands.Token("slow", "SLOW"), commands.Token("large-request", "LARGE-REQUEST"), commands.Token("large-reply", "LARGE-REPLY"))
	return []commands.Spec{
		{
			Name: "commandlog", Group: commands.Server, Since: "8.1.0", Origin: "Valkey", Arity: -2, Complexity: "Depends on subcommand.",
			Summary: "A container for command log commands.",
			Sub: []commands.Spec{
				{
					Name: "get", Since: "8.1.0", Origin: "Valkey", Arity: 4, Complexity: "O(N) where N is the number of entries returned",
					Summary: "Returns the specified command log's entries.",
					Flags:   commands.Admin | commands.Loading | commands.Stale, Tips: []string{"request_policy:all_nodes", "nondeterministic_output"},
					Args: []commands.Arg{commands.Int("count"), kind},
					Run:  s.commandlogGet,
				},
				{
					Name: "help", Since: "8.1.0", Origin: "Valkey", Arity: 2, Complexity: "O(1)",
					Summary: "Shows helpful text about the different subcommands.",
					Flags:   commands.Loading | commands.Stale,
					Run:     s.commandlogHelp,
				},
				{
					Name: "len", Since: "8.1.0", Origin: "Valkey", Arity: 3, Complexity: "O(1)",
					Summary: "Returns the number of entries in the specified type of command log.",
					Flags:   commands.Admin | commands.Loading | commands.Stale, Tips: []string{"request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"},
					Args: []commands.Arg{kind},
					Run:  s.commandlogLen,
				},
				{
					Name: "reset", Since: "8.1.0", Origin: "Valkey", Arity: 3, Complexity: "O(N) where N is the number of entries in the commandlog",
					Summary: "Clears all entries from the specified type of command log.",
					Flags:   commands.Admin | commands.Loading | commands.Stale, Tips: []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
					Args: []commands.Arg{kind},
					Run:  s.commandlogReset,
				},
			},
		},
	}
}
