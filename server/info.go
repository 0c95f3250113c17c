package server

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"cached/commands"
	"cached/engine"
	"cached/internal/acl"
	"cached/internal/host"
	"cached/internal/pubsub"
	"cached/internal/version"
)

// INFO is made of sections, each a function that writes its lines. What has no
// subsystem behind it yet says so by the value a server without it shows.

type infoSection struct {
	name    string
	title   string
	always  bool // in INFO without arguments
	everyOf bool // in INFO everything, but not in INFO all
	write   func(*infoWriter)
}

func (s *Server) infoSections() []infoSection {
	return []infoSection{
		{name: "server", title: "Server", always: true, write: s.infoServer},
		{name: "clients", title: "Clients", always: true, write: s.infoClients},
		{name: "memory", title: "Memory", always: true, write: s.infoMemory},
		{name: "persistence", title: "Persistence", always: true, write: s.infoPersistence},
		{name: "stats", title: "Stats", always: true, write: s.infoStats},
		{name: "cachestats", title: "Cachestats", always: true, write: s.infoCacheStats},
		{name: "replication", title: "Replication", always: true, write: s.infoReplication},
		{name: "cpu", title: "CPU", always: true, write: s.infoCPU},
		{name: "modules", title: "Modules", always: true, everyOf: true, write: func(*infoWriter) {}},
		{name: "commandstats", title: "Commandstats", write: s.infoCommandStats},
		{name: "errorstats", title: "Errorstats", always: true, write: s.infoErrorStats},
		{name: "latencystats", title: "Latencystats", write: s.infoLatencyStats},
		{name: "cluster", title: "Cluster", always: true, write: s.infoCluster},
		{name: "keyspace", title: "Keyspace", always: true, write: s.infoKeyspace},
	}
}

// An infoWriter gathers lines of INFO.
type infoWriter struct {
	b     strings.Builder
	nowMS int64
	tx    *engine.Tx // holds the whole keyspace, or nothing
}

func (w *infoWriter) line(name string, value any) {
	fmt.Fprintf(&w.b, "%s:%v\r\n", name, value)
}

// size writes a number of bytes, and again for people.
func (w *infoWriter) size(name string, n int64) {
	w.line(name, n)
	w.line(name+"_human", humanBytes(n))
}

func (w *infoWriter) ratio(name string, a, b int64) {
	w.line(name, fmt.Sprintf("%.2f", quotient(a, b)))
}

func quotient(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func humanBytes(n int64) string {
	f := float64(n)
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%dB", n)
	case n < 1<<20:
		return fmt.Sprintf("%.2fK", f/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.2fM", f/(1<<20))
	case n < 1<<40:
		return fmt.Sprintf("%.2fG", f/(1<<30))
	}
	return fmt.Sprintf("%.2fT", f/(1<<40))
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
	w := &infoWriter{nowMS: c.NowMS, tx: c.Tx}
	for _, sec := range s.infoSections() {
		if want[sec.name] || everything || all && !sec.everyOf || standard && sec.always {
			if w.b.Len() > 0 {
				w.b.WriteString("\r\n")
			}
			w.b.WriteString("# " + sec.title + "\r\n")
			sec.write(w)
		}
	}
	c.Reply.Verbatim("txt", w.b.String())
	return nil
}

// publishAll brings the totals up to date with the worker that asks; others
// publish at the end of each of their turns.
func (s *Server) publishAll(c *commands.Ctx) { workerOf(c).publish() }

func (s *Server) infoServer(w *infoWriter) {
	uptime := time.Since(s.base)
	exe, _ := os.Executable()
	w.line("redis_version", version.Redis)
	w.line("redis_git_sha1", "00000000")
	w.line("redis_git_dirty", 0)
	w.line("redis_build_id", "0")
	w.line("redis_mode", "standalone")
	w.line("server_name", "cached")
	w.line("cached_version", version.Cached)
	w.line("os", host.Name())
	w.line("arch_bits", 64)
	w.line("monotonic_clock", "POSIX clock_gettime")
	w.line("multiplexing_api", s.transport.multiplexing())
	w.line("go_version", runtime.Version())
	w.line("process_id", os.Getpid())
	w.line("process_supervised", s.supervised())
	w.line("run_id", s.runID)
	w.line("tcp_port", s.cfg.Value("port").Int())
	w.line("server_time_usec", time.Now().UnixMicro())
	w.line("uptime_in_seconds", int64(uptime.Seconds()))
	w.line("uptime_in_days", int64(uptime.Hours()/24))
	w.line("hz", s.cfg.Value("hz").Int())
	w.line("configured_hz", s.cfg.Value("hz").Int())
	w.line("lru_clock", w.nowMS/1000&(1<<24-1))
	w.line("executable", exe)
	w.line("config_file", s.cfg.Path())
	for i, l := range s.transport.listeners() {
		text := "name=" + l.kind
		for _, a := range l.addresses {
			text += ",bind=" + a
		}
		if l.port != 0 {
			text += ",port=" + strconv.FormatInt(l.port, 10)
		}
		w.line("listener"+strconv.Itoa(i), text)
	}
	loops, threads := s.transport.size()
	w.line("io_threads_active", min(max(threads-1, 0), 1))
	w.line("event_loops", loops)
	w.line("event_loop_threads", threads)
}

func (s *Server) infoClients(w *infoWriter) {
	var in, out int64
	watching := 0
	all := s.allClients()
	for _, c := range all {
		if c.shown.watches.Load() > 0 {
			watching++
		}
		in, out = max(in, c.shown.inBytes.Load()), max(out, c.shown.outBytes.Load())
	}
	w.line("connected_clients", len(all))
	w.line("cluster_connections", 0)
	w.line("maxclients", s.cfg.Value("maxclients").Int())
	w.line("client_recent_max_input_buffer", in)
	w.line("client_recent_max_output_buffer", out)
	w.line("blocked_clients", s.block.all.Load())
	w.line("tracking_clients", s.push.tracked.clients.Load())
	w.line("pubsub_clients", s.push.subscribers.Load())
	w.line("watching_clients", watching)
	w.line("clients_in_timeout_table", s.block.timed.Load())
	w.line("total_watched_keys", s.watch.len())
	keys, gone := s.block.keys()
	w.line("total_blocking_keys", keys)
	w.line("total_blocking_keys_on_nokey", gone)
}

func (s *Server) infoStats(w *infoWriter) {
	st, t := s.keys.Stats(w.tx), &s.totals
	w.line("total_connections_received", s.acceptedTotal.Load())
	w.line("total_commands_processed", t.calls.Load())
	w.line("instantaneous_ops_per_sec", s.sampler.opsPerSec.Load())
	w.line("total_net_input_bytes", t.netIn.Load())
	w.line("total_net_output_bytes", t.netOut.Load())
	w.line("total_net_repl_input_bytes", 0)
	w.line("total_net_repl_output_bytes", 0)
	w.line("instantaneous_input_kbps", fmt.Sprintf("%.2f", float64(s.sampler.inPerSec.Load())/1024))
	w.line("instantaneous_output_kbps", fmt.Sprintf("%.2f", float64(s.sampler.outPerSec.Load())/1024))
	w.line("instantaneous_input_repl_kbps", "0.00")
	w.line("instantaneous_output_repl_kbps", "0.00")
	w.line("rejected_connections", s.refusedTotal.Load())
	w.line("sync_full", 0)
	w.line("sync_partial_ok", 0)
	w.line("sync_partial_err", 0)
	w.line("expired_subkeys", st.ExpiredFields)
	w.line("expired_keys", st.Expired)
	w.line("expired_stale_perc", "0.00")
	w.line("expired_time_cap_reached_count", 0)
	w.line("expire_cycle_cpu_milliseconds", s.sweepNS.Load()/1e6)
	w.line("evicted_keys", st.Evicted)
	w.line("evicted_bytes", st.EvictedBytes)
	w.line("evicted_clients", s.evictedClients.Load())
	w.line("evicted_scripts", 0)
	past, current := s.limit.exceededMS(w.nowMS)
	w.line("total_eviction_exceeded_time", past)
	w.line("current_eviction_exceeded_time", current)
	w.line("keyspace_hits", st.Hits)
	w.line("keyspace_misses", st.Misses)
	w.line("pubsub_channels", s.push.hub.Len(pubsub.Channel))
	w.line("pubsub_patterns", s.push.hub.Len(pubsub.Pattern))
	w.line("pubsubshard_channels", s.push.hub.Len(pubsub.Shard))
	w.line("latest_fork_usec", 0)
	w.line("total_forks", 0)
	w.line("migrate_cached_sockets", 0)
	w.line("slave_expires_tracked_keys", 0)
	w.line("active_defrag_hits", st.Defrag.Moved)
	w.line("active_defrag_misses", st.Defrag.Stayed)
	w.line("active_defrag_key_hits", st.Defrag.KeysMoved)
	w.line("active_defrag_key_misses", st.Defrag.KeysStayed)
	total, now := s.limit.defragNS.Load(), s.limit.defragNowNS.Load()
	w.line("total_active_defrag_time", total/1e6)
	w.line("current_active_defrag_time", now/1e6)
	keys, items, prefixes := s.push.tracked.sizes()
	w.line("tracking_total_keys", keys)
	w.line("tracking_total_items", items)
	w.line("tracking_total_prefixes", prefixes)
	w.line("unexpected_error_replies", 0)
	w.line("total_error_replies", t.replies.Load())
	w.line("dump_payload_sanitizations", 0)
	w.line("total_reads_processed", t.reads.Load())
	w.line("total_writes_processed", t.writes.Load())
	w.line("io_threaded_reads_processed", 0)
	w.line("io_threaded_writes_processed", 0)
	w.line("client_query_buffer_limit_disconnections", s.overInput.Load())
	w.line("client_output_buffer_limit_disconnections", s.overOutput.Load())
	w.line("reply_buffer_shrinks", 0)
	w.line("reply_buffer_expands", 0)
	w.line("eventloop_cycles", t.turns.Load())
	w.line("eventloop_duration_sum", s.transport.busyNS()/1000)
	w.line("eventloop_duration_cmd_sum", t.commandUS())
	w.line("instantaneous_eventloop_cycles_per_sec", s.sampler.turnsPerSec.Load())
	w.line("instantaneous_eventloop_duration_usec", s.sampler.turnNS.Load()/1000)
	w.line("acl_access_denied_auth", s.users.deniedAuth.Load())
	w.line("acl_access_denied_cmd", s.users.deniedACL[acl.DeniedCommand].Load())
	w.line("acl_access_denied_key", s.users.deniedACL[acl.DeniedKey].Load())
	w.line("acl_access_denied_channel", s.users.deniedACL[acl.DeniedChannel].Load())
}

func (s *Server) infoReplication(w *infoWriter) {
	w.line("role", "master")
	w.line("connected_slaves", 0)
	w.line("master_failover_state", "no-failover")
	w.line("master_replid", *s.replID.Load())
	w.line("master_replid2", strings.Repeat("0", 40))
	w.line("master_repl_offset", 0)
	w.line("second_repl_offset", -1)
	w.line("repl_backlog_active", 0)
	w.line("repl_backlog_size", s.cfg.Value("repl-backlog-size").Int())
	w.line("repl_backlog_first_byte_offset", 0)
	w.line("repl_backlog_histlen", 0)
}

func (s *Server) infoCPU(w *infoWriter) {
	sys, user := host.CPUTime()
	w.line("used_cpu_sys", fmt.Sprintf("%.6f", sys.Seconds()))
	w.line("used_cpu_user", fmt.Sprintf("%.6f", user.Seconds()))
	w.line("used_cpu_sys_children", "0.000000")
	w.line("used_cpu_user_children", "0.000000")
	// All threads do what Redis's main thread does.
	w.line("used_cpu_sys_main_thread", fmt.Sprintf("%.6f", sys.Seconds()))
	w.line("used_cpu_user_main_thread", fmt.Sprintf("%.6f", user.Seconds()))
}

func (s *Server) infoCommandStats(w *infoWriter) {
	s.totals.eachCommand(s.table, func(name string, st *commandStat, _ *latencies) {
		perCall := 0.0
		if st.calls > 0 {
			perCall = float64(elapsed(st.ns)) / float64(st.calls)
		}
		w.line("cmdstat_"+name, fmt.Sprintf("calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d",
			st.calls, elapsed(st.ns), perCall, st.rejected, st.failed))
	})
}

func (s *Server) infoErrorStats(w *infoWriter) {
	for _, e := range s.totals.errorCounts() {
		w.line("errorstat_"+e.code, fmt.Sprintf("count=%d", e.count))
	}
}

func (s *Server) infoLatencyStats(w *infoWriter) {
	percentiles := s.cfg.Value("latency-tracking-info-percentiles").Strings()
	s.totals.eachCommand(s.table, func(name string, _ *commandStat, h *latencies) {
		if h == nil || len(percentiles) == 0 {
			return
		}
		var parts []string
		for _, p := range percentiles {
			parts = append(parts, fmt.Sprintf("p%s=%.3f", p, float64(h.percentile(p))/1000))
		}
		w.line("latency_percentiles_usec_"+name, strings.Join(parts, ","))
	})
}

func (s *Server) infoCluster(w *infoWriter) { w.line("cluster_enabled", 0) }

func (s *Server) infoKeyspace(w *infoWriter) {
	for db := range s.keys.Databases() {
		if d := s.keys.DBStats(w.tx, db, w.nowMS); d.Keys > 0 {
			w.line(fmt.Sprintf("db%d", db), fmt.Sprintf("keys=%d,expires=%d,avg_ttl=%d,subexpiry=%d", d.Keys, d.Expires, d.AvgTTLMS, d.Subexpiry))
		}
	}
}
