package server

import "cached/commands"

// configRows are the rows of CONFIG and its subcommands.
func (s *Server) configRows() []commands.Spec {
	return []commands.Spec{
		{
			Name: "config", Group: commands.Server, Since: "2.0.0", Arity: -2, Complexity: "Depends on subcommand",
			Summary: "A container for server configuration commands.",
			Sub: []commands.Spec{
				{
					Name: "get", Since: "2.0.0", Arity: -3, Complexity: "O(N) when N is the number of configuration parameters provided",
					Summary: "Get the values of configuration parameters.",
					Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale,
					Args:    []commands.Arg{commands.Many(commands.Block("parameter", commands.Str("parameter")))},
					Run:     s.configGet,
				},
				{
					Name: "help", Since: "5.0.0", Arity: 2, Complexity: "O(1)",
					Summary: "Show helpful text about the different subcommands.",
					Flags:   commands.Loading | commands.Stale,
					Run:     s.configHelp,
				},
				{
					Name: "resetstat", Since: "2.0.0", Arity: 2, Complexity: "O(1)",
					Summary: "Reset the stats returned by INFO.",
					Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale | commands.Deferred,
					Run:     s.configResetstat,
				},
				{
					Name: "rewrite", Since: "2.8.0", Arity: 2, Complexity: "O(1)",
					Summary: "Rewrite the configuration file with the in memory configuration.",
					Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale,
					Run:     s.configRewrite,
				},
				{
					Name: "set", Since: "2.0.0", Arity: -4, Complexity: "O(N) when N is the number of configuration parameters provided",
					Summary: "Set configuration parameters to the given values.",
					Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale, Tips: []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
					Args: []commands.Arg{commands.Many(commands.Block("parameter_value", commands.Str("parameter"), commands.Str("value")))},
					Run:  s.configSet,
				},
			},
		},
	}
}
