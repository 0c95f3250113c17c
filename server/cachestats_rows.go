package server

import "cached/commands"

// cacheRows are the rows of what tells how good the cache is.
func (s *Server) cacheRows() []commands.Spec {
	return []commands.Spec{
		{
			Name: "cache.stats", Group: commands.Server, Since: "7.4.0", Arity: -1, Complexity: "O(1)",
			Summary: "Returns hits, and misses by what had become of the key, of all keys or of those with a prefix.",
			Flags:   commands.Loading | commands.Stale | commands.Deferred,
			Tips:    []string{"nondeterministic_output"},
			Args:    []commands.Arg{commands.Opt(commands.Str("prefix"))},
			Run:     s.cacheStats,
		},
		{
			Name: "cache.mrc", Group: commands.Server, Since: "7.4.0", Arity: -1, Complexity: "O(1)",
			Summary: "Returns what the hit ratio would be with less memory or more, of all keys or of those with a prefix.",
			Flags:   commands.Loading | commands.Stale | commands.Deferred,
			Tips:    []string{"nondeterministic_output"},
			Args:    []commands.Arg{commands.Opt(commands.Str("prefix"))},
			Run:     s.cacheMRC,
		},
	}
}
