package server

import "cached/commands"

// clientRows are the rows of CLIENT and its subcommands.
func (s *Server) clientRows() []commands.Spec {
	return []commands.Spec{
		{
			Name: "client", Group: commands.Connection, Since: "2.4.0", Arity: -2, Complexity: "Depends on subcommand",
			Summary: "A container for client connection commands.",
			Sub: append(s.push.trackingRows(), []commands.Spec{
				{
					Name: "getname", Since: "2.6.9", Arity: 2, Complexity: "O(1)",
					Summary: "Get the current connection name.",
					Flags:   commands.NoScript | commands.Loading | commands.Stale, ACL: commands.CatConnection,
					Run: s.clientGetname,
				},
				{
					Name: "help", Since: "5.0.0", Arity: 2, Complexity: "O(1)",
					Summary: "Show helpful text about the different subcommands.",
					Flags:   commands.Loading | commands.Stale, ACL: commands.CatConnection,
					Run: s.clientHelp,
				},
				{
					Name: "id", Since: "5.0.0", Arity: 2, Complexity: "O(1)",
					Summary: "Returns the client ID for the current connection.",
					Flags:   commands.NoScript | commands.Loading | commands.Stale, ACL: commands.CatConnection,
					Run: s.clientID,
				},
				{
					Name: "info", Since: "6.2.0", Arity: 2, Complexity: "O(1)",
					Summary: "Returns information about the current client connection.",
					Flags:   commands.NoScript | commands.Loading | commands.Stale, ACL: commands.CatConnection, Tips: []string{"nondeterministic_output"},
					Run: s.clientInfo,
				},
				{
					Name: "kill", Since: "2.4.0", Arity: -3, Complexity: "O(N) where N is the number of client connections",
					Summary: "Kill the connection of a client.",
					Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale, ACL: commands.CatConnection,
					Args: []commands.Arg{commands.OneOf("filter", commands.Obsolete("2.8.12", commands.Str("ip:port")), commands.Many(commands.OneOf("new-format", commands.Opt(commands.Since("2.8.12", commands.After("ID", commands.Int("client-id")))), commands.Opt(commands.Since("2.8.12", commands.After("TYPE", commands.OneOf("normal_master_slave_pubsub", commands.Token("normal", "NORMAL"), commands.Since("3.2.0", commands.Token("master", "MASTER")), commands.Token("slave", "SLAVE"), commands.Since("5.0.0", commands.Token("replica", "REPLICA")), commands.Token("pubsub", "PUBSUB"))))), commands.Opt(commands.After("USER", commands.Str("username"))), commands.Opt(commands.After("ADDR", commands.Str("ip:port"))), commands.Opt(commands.Since("6.2.0", commands.After("LADDR", commands.Str("ip:port")))), commands.Opt(commands.After("SKIPME", commands.Str("yes/no"))), commands.Opt(commands.Since("7.4.0", commands.After("MAXAGE", commands.Int("maxage")))))))},
					Run:  s.clientKill,
				},
				{
					Name: "list", Since: "2.4.0", Arity: -2, Complexity: "O(N) where N is the number of client connections",
					Summary: "Get the list of client connections.",
					Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale, ACL: commands.CatConnection, Tips: []string{"nondeterministic_output"},
					Args: []commands.Arg{commands.Opt(commands.Since("5.0.0", commands.After("TYPE", commands.OneOf("normal_master_replica_pubsub", commands.Token("normal", "NORMAL"), commands.Token("master", "MASTER"), commands.Token("replica", "REPLICA"), commands.Token("pubsub", "PUBSUB"))))), commands.Opt(commands.Since("6.2.0", commands.After("ID", commands.Block("id", commands.Many(commands.Int("client-id"))))))},
					Run:  s.clientList,
				},
				{
					Name: "no-evict", Since: "7.0.0", Arity: 3, Complexity: "O(1)",
					Summary: "Set client eviction mode for the current connection.",
					Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale, ACL: commands.CatConnection,
					Args: []commands.Arg{commands.OneOf("enabled", commands.Token("on", "ON"), commands.Token("off", "OFF"))},
					Run:  s.clientNoEvict,
				},
				{
					Name: "no-touch", Since: "7.2.0", Arity: 3, Complexity: "O(1)",
					Summary: "Controls whether commands sent by the client affect the LRU/LFU of accessed keys.",
					Flags:   commands.NoScript | commands.Loading | commands.Stale, ACL: commands.CatConnection,
					Args: []commands.Arg{commands.OneOf("enabled", commands.Token("on", "ON"), commands.Token("off", "OFF"))},
					Run:  s.clientNoTouch,
				},
				{
					Name: "pause", Since: "2.9.50", Arity: -3, Complexity: "O(1)",
					Summary: "Stop processing commands from clients for some time.",
					Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale, ACL: commands.CatConnection,
					Args: []commands.Arg{commands.Int("timeout"), commands.Opt(commands.Since("6.2.0", commands.OneOf("mode", commands.Token("write", "WRITE"), commands.Token("all", "ALL"))))},
					Run:  s.clientPause,
				},
				{
					Name: "reply", Since: "3.2.0", Arity: 3, Complexity: "O(1)",
					Summary: "Instruct the server whether to reply to commands.",
					Flags:   commands.NoScript | commands.Loading | commands.Stale, ACL: commands.CatConnection,
					Args: []commands.Arg{commands.OneOf("on_off_skip", commands.Token("on", "ON"), commands.Token("off", "OFF"), commands.Token("skip", "SKIP"))},
					Run:  s.clientReply,
				},
				{
					Name: "setinfo", Since: "7.2.0", Arity: 4, Complexity: "O(1)",
					Summary: "Sets information specific to the client or connection.",
					Flags:   commands.NoScript | commands.Loading | commands.Stale, ACL: commands.CatConnection, Tips: []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
					Args: []commands.Arg{commands.OneOf("attr", commands.After("LIB-NAME", commands.Str("libname")), commands.After("LIB-VER", commands.Str("libver")))},
					Run:  s.clientSetinfo,
				},
				{
					Name: "setname", Since: "2.6.9", Arity: 3, Complexity: "O(1)",
					Summary: "Set the current connection name.",
					Flags:   commands.NoScript | commands.Loading | commands.Stale, ACL: commands.CatConnection,
					Args: []commands.Arg{commands.Str("connection-name")},
					Run:  s.clientSetname,
				},
				{
					Name: "unblock", Since: "5.0.0", Arity: -3, Complexity: "O(log N) where N is the number of client connections",
					Summary: "Unblock a client blocked in a blocking command from a different connection.",
					Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale, ACL: commands.CatConnection,
					Args: []commands.Arg{commands.Int("client-id"), commands.Opt(commands.OneOf("timeout_error", commands.Token("timeout", "TIMEOUT"), commands.Token("error", "ERROR")))},
					Run:  s.clientUnblock,
				},
				{
					Name: "unpause", Since: "6.2.0", Arity: 2, Complexity: "O(N) Where N is the number of paused clients",
					Summary: "Resume processing of clients that were paused.",
					Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale, ACL: commands.CatConnection,
					Run: s.clientUnpause,
				},
			}...),
		},
	}
}
