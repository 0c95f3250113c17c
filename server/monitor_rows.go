package server

import "cached/commands"

// monitorRows are the rows of MONITOR.
func (p *Pusher) monitorRows() []commands.Spec {
	return []commands.Spec{
		{
			Name: "monitor", Group: commands.Server, Since: "1.0.0", Arity: 1,
			Summary: "Listen for all requests received by the server in real time.",
			Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale,
			Run:     p.monitor,
		},
	}
}
