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
