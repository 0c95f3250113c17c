package server

import "cached/commands"

// trackingRows are the subcommands of CLIENT about client-side caching.
func (p *Pusher) trackingRows() []commands.Spec {
	return []commands.Spec{
		{
			Name: "caching", Since: "6.0.0", Arity: 3, Complexity: "O(1)",
			Summary: "Instruct the server about tracking or not keys in the next request.",
			Flags:   commands.NoScript | commands.Loading | commands.Stale, ACL: commands.CatConnection,
			Args: []commands.Arg{commands.OneOf("mode", commands.Token("yes", "YES"), commands.Token("no", "NO"))},
			Run:  p.clientCaching,
		},
		{
			Name: "getredir", Since: "6.0.0", Arity: 2, Complexity: "O(1)",
			Summary: "Get tracking notifications redirection client ID if any.",
			Flags:   commands.NoScript | commands.Loading | commands.Stale, ACL: commands.CatConnection,
			Run: p.clientGetredir,
		},
		{
			Name: "tracking", Since: "6.0.0", Arity: -3, Complexity: "O(1)",
			Summary: "Enable or disable server assisted client side caching support.",
			Flags:   commands.NoScript | commands.Loading | commands.Stale, ACL: commands.CatConnection,
			Args: []commands.Arg{commands.OneOf("status", commands.Token("on", "ON"), commands.Token("off", "OFF")), commands.Opt(commands.After("REDIRECT", commands.Int("client-id"))), commands.Opt(commands.ManyTokens(commands.After("PREFIX", commands.Str("prefix")))), commands.Opt(commands.Token("bcast", "BCAST")), commands.Opt(commands.Token("optin", "OPTIN")), commands.Opt(commands.Token("optout", "OPTOUT")), commands.Opt(commands.Token("noloop", "NOLOOP"))},
			Run:  p.clientTracking,
		},
		{
			Name: "trackinginfo", Since: "6.2.0", Arity: 2, Complexity: "O(1)",
			Summary: "Return information about server assisted client side caching for the current connection.",
			Flags:   commands.NoScript | commands.Loading | commands.Stale, ACL: commands.CatConnection,
			Run: p.clientTrackinginfo,
		},
	}
}
