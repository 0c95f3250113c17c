package server

import "cached/commands"

// loginRows are the rows of AUTH and HELLO.
func (us *Users) loginRows() []commands.Spec {
	return []commands.Spec{
		{
			Name: "auth", Group: commands.Connection, Since: "1.0.0", Arity: -2, Complexity: "O(N) where N is the number of passwords defined for the user",
			Summary: "Authenticate to the server.",
			Flags:   commands.NoScript | commands.Loading | commands.Stale | commands.Fast | commands.NoAuth | commands.AllowBusy, ACL: commands.CatConnection,
			Args: []commands.Arg{commands.Opt(commands.Since("6.0.0", commands.Str("username"))), commands.Str("password")},
			Run:  us.auth,
		},
		{
			Name: "hello", Group: commands.Connection, Since: "6.0.0", Arity: -1, Complexity: "O(1)",
			Summary: "Handshake with Redis.",
			Flags:   commands.NoScript | commands.Loading | commands.Stale | commands.Fast | commands.NoAuth | commands.AllowBusy, ACL: commands.CatConnection,
			Args: []commands.Arg{commands.Opt(commands.Block("arguments", commands.Int("protover"), commands.Opt(commands.After("AUTH", commands.Block("username_password", commands.Str("username"), commands.Str("password")))), commands.Opt(commands.After("SETNAME", commands.Str("clientname")))))},
			Run:  us.hello,
		},
	}
}
