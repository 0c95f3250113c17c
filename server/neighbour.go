package server

import "runtime"

// What the handlers of other protocols find in Ctx.Env beyond commands.Env.

// CloseAfterReply has the connection closed when the client has been sent its replies. It is called by a handler that
// runs for the client.
func (c *client) CloseAfterReply() { c.closing = true }

// Figures shows figures of the server: uptime in seconds, connections, bytes, and how often each command was called, by
// its full name. It is called by a handler that runs for the client, and that holds no locks.
func (c *client) Figures(show func(name string, n int64)) {
	s := c.srv
	t := &s.totals
	show("uptime", (s.nowMS()-s.unixMS(0))/1000)
	show("max_connections", s.cfg.Value("maxclients").Int())
	show("curr_connections", int64(len(s.allClients())))
	show("total_connections", s.acceptedTotal.Load())
	show("rejected_connections", s.refusedTotal.Load())
	show("bytes_read", t.netIn.Load())
	show("bytes_written", t.netOut.Load())
	show("limit_maxbytes", s.cfg.Value("maxmemory").Int())
	show("threads", int64(runtime.GOMAXPROCS(0)))
	t.eachCommand(s.tables(), func(name string, st *commandStat, _ *latencies) { show(name, st.calls) })
}
