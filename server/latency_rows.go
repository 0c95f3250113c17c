package server

import "cached/commands"

// latencyRows are the rows of LATENCY and its subcommands.
func (s *Server) latencyRows() []commands.Spec {
	return []commands.Spec{
		{
			Name: "latency", Group: commands.Server, Since: "2.8.13", Arity: -2, Complexity: "Depends on subcommand",
			Summary: "A container for latency diagnostics commands.",
			Sub: []commands.Spec{
				{
					Name: "doctor", Since: "2.8.13", Arity: 2, Complexity: "O(1)",
					Summary: "Return a human readable latency analysis report.",
					Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale, Tips: []string{"nondeterministic_output", "request_policy:all_nodes", "response_policy:special"},
					Run: s.latencyDoctor,
				},
				{
					Name: "graph", Since: "2.8.13", Arity: 3, Complexity: "O(1)",
					Summary: "Return a latency graph for the event.",
					Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale, Tips: []string{"nondeterministic_output", "request_policy:all_nodes", "response_policy:special"},
					Args: []commands.Arg{commands.Str("event")},
					Run:  s.latencyGraph,
				},
				{
					Name: "help", Since: "2.8.13", Arity: 2, Complexity: "O(1)",
					Summary: "Show helpful text about the different subcommands.",
					Flags:   commands.Loading | commands.Stale,
					Run:     s.latencyHelp,
				},
				{
					Name: "histogram", Since: "7.0.0", Arity: -2, Complexity: "O(N) where N is the number of commands with latency information being retrieved",
					Summary: "Return the cumulative distribution of latencies of a subset of commands or all.",
					Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale, Tips: []string{"nondeterministic_output", "request_policy:all_nodes", "response_policy:special"},
					Args: []commands.Arg{commands.Opt(commands.Many(commands.Str("command")))},
					Run:  s.latencyHistogram,
				},
				{
					Name: "history", Since: "2.8.13", Arity: 3, Complexity: "O(1)",
					Summary: "Return timestamp-latency samples for the event.",
					Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale, Tips: []string{"nondeterministic_output", "request_policy:all_nodes", "response_policy:special"},
					Args: []commands.Arg{commands.Str("event")},
					Run:  s.latencyHistory,
				},
				{
					Name: "latest", Since: "2.8.13", Arity: 2, Complexity: "O(1)",
					Summary: "Return the latest latency samples for all events.",
					Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale, Tips: []string{"nondeterministic_output", "request_policy:all_nodes", "response_policy:special"},
					Run: s.latencyLatest,
				},
				{
					Name: "reset", Since: "2.8.13", Arity: -2, Complexity: "O(1)",
					Summary: "Reset latency data for one or more events.",
					Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale, Tips: []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
					Args: []commands.Arg{commands.Opt(commands.Many(commands.Str("event")))},
					Run:  s.latencyReset,
				},
			},
		},
	}
}
