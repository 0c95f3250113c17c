package server

import "cached/commands"

// debugRows are the rows of DEBUG.
func (s *Server) debugRows() []commands.Spec {
	return []commands.Spec{
		{
			Name: "debug", Group: commands.Server, Since: "1.0.0", Arity: -2, Complexity: "Depends on subcommand",
			Summary: "A container for debugging commands.",
			Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale | commands.Keyspace,
			Doc:     commands.SysCmd,
			Run:     s.debug,
		},
	}
}
