package server

import (
	"cached/commands"
	"cached/engine"
	"cached/internal/stats"
)

// A Reporter is a subsystem that has sections of INFO.
type Reporter interface {
	// Sections returns its sections, for one report. A section replaces the server's own section of the same name.
	// nowMS is the time, in Unix milliseconds, and tx the transaction of the report, as for Engine.Stats: it holds
	// the whole keyspace or nothing. Collect and Reset are called before the report ends, by the goroutine that
	// makes it; several goroutines may make reports at the same time.
	Sections(tx *engine.Tx, nowMS int64) []stats.Section
}

// sections returns those of the server and of all reporters, in the order of INFO. Sections of subsystems that the
// process lacks have the values of a Redis server that does not use them.
func (s *Server) sections(tx *engine.Tx, nowMS int64) []stats.Section {
	own := []stats.Section{
		{Name: "server", Title: "Server", Collect: func(to stats.Sink) { s.reportServer(to, nowMS) }},
		{Name: "clients", Title: "Clients", Collect: s.reportClients},
		{Name: "memory", Title: "Memory", Collect: func(to stats.Sink) { s.memory.report(to, tx) }},
		{Name: "persistence", Title: "Persistence", Collect: reportNoPersistence},
		{Name: "stats", Title: "Stats", Collect: func(to stats.Sink) { s.reportStats(to, tx, nowMS) },
			Reset: func() { s.resetStats(tx, nowMS) }},
		{Name: "cachestats", Title: "Cachestats", Collect: func(to stats.Sink) { s.reportCacheStats(to, tx) }},
		{Name: "replication", Title: "Replication", Collect: s.reportReplication},
		{Name: "cpu", Title: "CPU", Collect: reportCPU},
		{Name: "modules", Title: "Modules", Shown: stats.InEverything, Collect: func(stats.Sink) {}},
		{Name: "commandstats", Title: "Commandstats", Shown: stats.InAll, Collect: s.reportCommands},
		{Name: "errorstats", Title: "Errorstats", Collect: s.reportErrors},
		{Name: "latencystats", Title: "Latencystats", Shown: stats.InAll, Collect: s.reportLatencies},
		{Name: "cluster", Title: "Cluster", Collect: reportNoCluster},
		{Name: "keyspace", Title: "Keyspace", Collect: func(to stats.Sink) { s.reportKeyspace(to, tx, nowMS) }},
	}
	for _, r := range s.reporters {
		own = stats.Placed(own, r.Sections(tx, nowMS)...)
	}
	return own
}

func (s *Server) info(c *commands.Ctx) error {
	want := map[string]bool{}
	all, everything, standard := false, false, len(c.Argv) == 1
	for _, a := range c.Argv[1:] {
		switch name := fold(a); name {
		case "all":
			all = true
		case "everything":
			everything = true
		case "default":
			standard = true
		default:
			want[name] = true
		}
	}
	s.publishAll(c)
	var text stats.Info
	for _, sec := range s.sections(c.Tx, c.NowMS) {
		if want[sec.Name] || everything || all && sec.Shown != stats.InEverything || standard && sec.Shown != stats.InAll {
			text.Section(sec)
		}
	}
	c.Reply.Verbatim("txt", text.String())
	return nil
}

// publishAll brings the totals up to date with the worker that asks; others
// publish at the end of each of their turns.
func (s *Server) publishAll(c *commands.Ctx) { workerOf(c).publish() }

// reportNoPersistence is the section of a server whose data is on no disk.
func reportNoPersistence(to stats.Sink) {
	to.Sample(stats.Flag("loading", false, "Whether the data is being loaded"))
}

func (s *Server) reportReplication(to stats.Sink) {
	to.Sample(stats.State("role", "master", "Role in replication"))
	to.Sample(stats.Gauge("connected_slaves", 0, "Connected replicas"))
	to.Sample(stats.PlainText("master_failover_state", "no-failover"))
	to.Sample(stats.State("master_replid", *s.replID.Load(), "Identifier of the data's history"))
	to.Sample(stats.PlainText("master_replid2", "0000000000000000000000000000000000000000"))
	to.Sample(stats.Plain("master_repl_offset", 0))
	to.Sample(stats.Plain("second_repl_offset", -1))
	to.Sample(stats.Plain("repl_backlog_active", 0))
	to.Sample(stats.Plain("repl_backlog_size", 1<<20))
	to.Sample(stats.Plain("repl_backlog_first_byte_offset", 0))
	to.Sample(stats.Plain("repl_backlog_histlen", 0))
}

func reportNoCluster(to stats.Sink) {
	to.Sample(stats.Flag("cluster_enabled", false, "Whether the server is a node of a cluster"))
}
