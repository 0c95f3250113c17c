package server

import "cached/commands"

// infoRows are the rows of INFO.
func (s *Server) infoRows() []commands.Spec {
	return []commands.Spec{
		{
			Name: "info", Group: commands.Server, Since: "1.0.0", Arity: -1, Complexity: "O(1)",
			Summary: "Get information and statistics about the server.",
			Flags:   commands.Loading | commands.Stale | commands.Deferred, ACL: commands.CatDangerous, Tips: []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
			Args: []commands.Arg{commands.Opt(commands.Many(commands.Str("section")))},
			Run:  s.info,
		},
	}
}
