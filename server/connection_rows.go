package server

import "cached/commands"

// connectionCommands are the rows of commands about the connection.
func (s *Server) connectionCommands() []commands.Spec {
	return []commands.Spec{
		{
			Name: "auth", Group: commands.Connection, Since: "1.0.0", Arity: -2, Complexity: "O(N) where N is the number of passwords defined for the user",
			Summary: "Authenticate to the server.",
			Flags:   commands.NoScript | commands.Loading | commands.Stale | commands.Fast | commands.NoAuth | commands.AllowBusy, ACL: commands.CatConnection,
			Args: []commands.Arg{commands.Opt(commands.Since("6.0.0", commands.Str("username"))), commands.Str("password")},
			Run:  s.auth,
		},
		{
			Name: "echo", Group: commands.Connection, Since: "1.0.0", Arity: 2, Complexity: "O(1)",
			Summary: "Echo the given string.",
			Flags:   commands.Loading | commands.Stale | commands.Fast, ACL: commands.CatConnection,
			Args: []commands.Arg{commands.Str("message")},
			Run:  s.echo,
		},
		{
			Name: "hello", Group: commands.Connection, Since: "6.0.0", Arity: -1, Complexity: "O(1)",
			Summary: "Handshake with Redis.",
			Flags:   commands.NoScript | commands.Loading | commands.Stale | commands.Fast | commands.NoAuth | commands.AllowBusy, ACL: commands.CatConnection,
			Args: []commands.Arg{commands.Opt(commands.Block("arguments", commands.Int("protover"), commands.Opt(commands.After("AUTH", commands.Block("username_password", commands.Str("username"), commands.Str("password")))), commands.Opt(commands.After("SETNAME", commands.Str("clientname")))))},
			Run:  s.hello,
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
