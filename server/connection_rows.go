package server

import "cached/commands"

// connectionCommands are the rows of commands about the connection.
func (s *Road) connectionCommands() []commands.Spec {
	return []commands.Spec{
		{
			Name: "echo", Group: commands.Connection, Since: "1.0.0", Arity: 2, Complexity: "O(1)",
			Summary: "Echo the given string.",
			Flags:   commands.Loading | commands.Stale | commands.Fast, ACL: commands.CatConnection,
			Args: []commands.Arg{commands.Str("message")},
			Run:  s.echo,
		},
		{
			Name: "ping", Group: commands.Connection, Since: "1.0.0", Arity: -1, Complexity: "O(1)",
			Summary: "Ping the server.",
			Flags:   commands.Fast | commands.InPubSub, ACL: commands.CatConnection, Tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"},
			Args: []commands.Arg{commands.Opt(commands.Str("message"))},
			Run:  s.ping,
		},
		{
			Name: "quit", Group: commands.Connection, Since: "1.0.0", Arity: -1, Complexity: "O(1)",
			Summary: "Close the connection.",
			Flags:   commands.NoScript | commands.Loading | commands.Stale | commands.Fast | commands.NoAuth | commands.AllowBusy | commands.InMulti | commands.InPubSub, ACL: commands.CatConnection,
			Run: s.quit,
		},
		{
			Name: "reset", Group: commands.Connection, Since: "6.2.0", Arity: 1, Complexity: "O(1)",
			Summary: "Reset the connection.",
			Flags:   commands.NoScript | commands.Loading | commands.Stale | commands.Fast | commands.NoAuth | commands.AllowBusy | commands.InMulti | commands.InPubSub, ACL: commands.CatConnection,
			Run: s.reset,
		},
		{
			Name: "select", Group: commands.Connection, Since: "1.0.0", Arity: 2, Complexity: "O(1)",
			Summary: "Change the selected database for the current connection.",
			Flags:   commands.Loading | commands.Stale | commands.Fast, ACL: commands.CatConnection,
			Args: []commands.Arg{commands.Int("index")},
			Run:  s.selectDB,
		},
	}
}
