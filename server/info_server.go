package server

import (
	"os"
	"runtime"
	"strconv"
	"time"

	"cached/engine"
	"cached/internal/acl"
	"cached/internal/host"
	"cached/internal/pubsub"
	"cached/internal/stats"
	"cached/internal/version"
)

func (s *Server) reportServer(to stats.Sink, nowMS int64) {
	uptime := time.Since(s.base)
	exe, _ := os.Executable()
	to.Sample(stats.State("redis_version", version.Redis, "Version of Redis whose behaviour clients find"))
	to.Sample(stats.PlainText("redis_git_sha1", "00000000"))
	to.Sample(stats.Plain("redis_git_dirty", 0))
	to.Sample(stats.PlainText("redis_build_id", "0"))
	to.Sample(stats.State("redis_mode", "standalone", "Mode of the server"))
	to.Sample(stats.PlainText("server_name", "cached"))
	to.Sample(stats.State("cached_version", version.Cached, "Version of the server"))
	to.Sample(stats.State("os", host.Name(), "Operating system"))
	to.Sample(stats.Plain("arch_bits", 64))
	to.Sample(stats.PlainText("monotonic_clock", "POSIX clock_gettime"))
	to.Sample(stats.State("multiplexing_api", s.transport.multiplexing(), "What connections are served by"))
	to.Sample(stats.State("go_version", runtime.Version(), "Version of Go the server was built with"))
	to.Sample(stats.Gauge("process_id", os.Getpid(), "Process id"))
	to.Sample(stats.State("process_supervised", s.supervised(), "Supervisor of the process"))
	to.Sample(stats.State("run_id", s.runID, "Random identifier of this process"))
	to.Sample(stats.Gauge("tcp_port", s.cfg.Value("port").Int(), "TCP port"))
	to.Sample(stats.Gauge("server_time_usec", time.Now().UnixMicro(), "Time of the server's clock").In(stats.UnixMicroseconds))
	to.Sample(stats.Time("uptime_in_seconds", uptime, stats.Seconds, "Time since the start"))
	to.Sample(stats.Plain("uptime_in_days", int64(uptime.Hours()/24)))
	to.Sample(stats.Gauge("hz", s.cfg.Value("hz").Int(), "Background tasks in a second").In(stats.PerSecond))
	to.Sample(stats.Plain("configured_hz", s.cfg.Value("hz").Int()))
	to.Sample(stats.Plain("lru_clock", nowMS/1000&(1<<24-1)))
	to.Sample(stats.State("executable", exe, "Path of the program"))
	to.Sample(stats.State("config_file", s.cfg.Path(), "Path of the configuration file"))
	for i, l := range s.transport.listeners() {
		number := strconv.Itoa(i)
		row := stats.Row{Family: "listener", Name: "listener" + number, Labels: []stats.Label{{Name: "listener", Value: number}}}
		samples := []stats.Sample{stats.State("name", l.kind, "Kind of the listener")}
		for _, a := range l.addresses {
			bind := stats.State("bind", a, "Address of the listener")
			bind.Label = stats.Label{Name: "address", Value: a}
			samples = append(samples, bind)
		}
		if l.port != 0 {
			samples = append(samples, stats.Gauge("port", l.port, "Port of the listener"))
		}
		to.Row(row, samples)
	}
	loops, threads := s.transport.size()
	to.Sample(stats.Plain("io_threads_active", min(max(threads-1, 0), 1)))
	to.Sample(stats.Gauge("event_loops", loops, "Event loops"))
	to.Sample(stats.Gauge("event_loop_threads", threads, "Threads that drive event loops"))
}

func (s *Server) reportClients(to stats.Sink) {
	var in, out int64
	watching := 0
	all := s.allClients()
	for _, c := range all {
		if c.shown.watches.Load() > 0 {
			watching++
		}
		in, out = max(in, c.shown.inBytes.Load()), max(out, c.shown.outBytes.Load())
	}
	to.Sample(stats.Gauge("connected_clients", len(all), "Connected clients"))
	to.Sample(stats.Plain("cluster_connections", 0))
	to.Sample(stats.Gauge("maxclients", s.cfg.Value("maxclients").Int(), "Most clients that may be connected"))
	to.Sample(stats.Gauge("client_recent_max_input_buffer", in, "Largest input buffer of a client").In(stats.Bytes))
	to.Sample(stats.Gauge("client_recent_max_output_buffer", out, "Largest output buffer of a client").In(stats.Bytes))
	to.Sample(stats.Gauge("blocked_clients", s.block.all.Load(), "Clients that a blocking command holds"))
	to.Sample(stats.Gauge("tracking_clients", s.push.tracked.clients.Load(), "Clients with tracking on"))
	to.Sample(stats.Gauge("pubsub_clients", s.push.subscribers.Load(), "Clients that subscribe to channels or patterns"))
	to.Sample(stats.Gauge("watching_clients", watching, "Clients that watch keys"))
	to.Sample(stats.Gauge("clients_in_timeout_table", s.block.timed.Load(), "Blocked clients with a timeout"))
	to.Sample(stats.Gauge("total_watched_keys", s.watch.len(), "Keys that clients watch"))
	keys, gone := s.block.keys()
	to.Sample(stats.Gauge("total_blocking_keys", keys, "Keys that blocked clients wait for"))
	to.Sample(stats.Gauge("total_blocking_keys_on_nokey", gone, "Keys whose removal wakes blocked clients"))
}

func (s *Server) reportStats(to stats.Sink, tx *engine.Tx, nowMS int64) {
	st, t := s.keys.Stats(tx), &s.totals
	to.Sample(stats.Counter("total_connections_received", s.acceptedTotal.Load(), "Connections accepted"))
	to.Sample(stats.Counter("total_commands_processed", t.calls.Load(), "Commands run"))
	to.Sample(stats.Gauge("instantaneous_ops_per_sec", s.sampler.opsPerSec.Load(), "Rate of commands").In(stats.PerSecond))
	to.Sample(stats.Counter("total_net_input_bytes", t.netIn.Load(), "Bytes read from clients").In(stats.Bytes))
	to.Sample(stats.Counter("total_net_output_bytes", t.netOut.Load(), "Bytes written to clients").In(stats.Bytes))
	to.Sample(stats.Plain("total_net_repl_input_bytes", 0))
	to.Sample(stats.Plain("total_net_repl_output_bytes", 0))
	to.Sample(kilobytes("instantaneous_input_kbps", s.sampler.inPerSec.Load(), "Rate of input"))
	to.Sample(kilobytes("instantaneous_output_kbps", s.sampler.outPerSec.Load(), "Rate of output"))
	to.Sample(stats.PlainText("instantaneous_input_repl_kbps", "0.00"))
	to.Sample(stats.PlainText("instantaneous_output_repl_kbps", "0.00"))
	to.Sample(stats.Counter("rejected_connections", s.refusedTotal.Load(), "Connections refused because of maxclients"))
	full, resumed, refused := int64(0), int64(0), int64(0)
	if s.syncs != nil {
		full, resumed, refused = s.syncs()
	}
	to.Sample(stats.Counter("sync_full", full, "Full synchronizations of replicas"))
	to.Sample(stats.Counter("sync_partial_ok", resumed, "Synchronizations of replicas that went on where they were"))
	to.Sample(stats.Counter("sync_partial_err", refused, "Replicas that could not go on where they were"))
	to.Sample(stats.Counter("expired_subkeys", st.ExpiredFields, "Fields of hashes that expired"))
	to.Sample(stats.Counter("expired_keys", st.Expired, "Keys that expired"))
	to.Sample(stats.PlainText("expired_stale_perc", "0.00"))
	to.Sample(stats.Plain("expired_time_cap_reached_count", 0))
	to.Sample(stats.TotalTime("expire_cycle_cpu_milliseconds", time.Duration(s.sweepNS.Load()), stats.Milliseconds,
		"Time spent on removing expired keys in the background"))
	to.Sample(stats.Counter("evicted_keys", st.Evicted, "Keys evicted because of maxmemory"))
	to.Sample(stats.Counter("evicted_bytes", st.EvictedBytes, "Bytes of evicted keys").In(stats.Bytes))
	to.Sample(stats.Counter("evicted_clients", s.memory.evictedClients.Load(), "Clients closed because of maxmemory-clients"))
	to.Sample(stats.Plain("evicted_scripts", 0))
	past, current := s.memory.limit.exceededMS(nowMS)
	to.Sample(stats.TotalTime("total_eviction_exceeded_time", milliseconds(past), stats.Milliseconds, "Time above maxmemory"))
	to.Sample(stats.Time("current_eviction_exceeded_time", milliseconds(current), stats.Milliseconds,
		"Time above maxmemory without interruption until now"))
	to.Sample(stats.Counter("keyspace_hits", st.Hits, "Look-ups that found their key"))
	to.Sample(stats.Counter("keyspace_misses", st.Misses, "Look-ups that found no key"))
	to.Sample(stats.Gauge("pubsub_channels", s.push.hub.Len(pubsub.Channel), "Channels with subscribers"))
	to.Sample(stats.Gauge("pubsub_patterns", s.push.hub.Len(pubsub.Pattern), "Patterns with subscribers"))
	to.Sample(stats.Gauge("pubsubshard_channels", s.push.hub.Len(pubsub.Shard), "Shard channels with subscribers"))
	to.Sample(stats.Plain("latest_fork_usec", 0))
	to.Sample(stats.Plain("total_forks", 0))
	to.Sample(stats.Plain("migrate_cached_sockets", 0))
	to.Sample(stats.Plain("slave_expires_tracked_keys", 0))
	to.Sample(stats.Counter("active_defrag_hits", st.Defrag.Moved, "Blocks that defragmentation moved"))
	to.Sample(stats.Counter("active_defrag_misses", st.Defrag.Stayed, "Blocks that defragmentation left in their place"))
	to.Sample(stats.Counter("active_defrag_key_hits", st.Defrag.KeysMoved, "Keys of which defragmentation moved a block"))
	to.Sample(stats.Counter("active_defrag_key_misses", st.Defrag.KeysStayed, "Keys of which defragmentation moved no block"))
	total, now := s.memory.limit.defragNS.Load(), s.memory.limit.defragNowNS.Load()
	to.Sample(stats.TotalTime("total_active_defrag_time", time.Duration(total), stats.Milliseconds, "Time spent on defragmentation"))
	to.Sample(stats.Time("current_active_defrag_time", time.Duration(now), stats.Milliseconds,
		"Time spent on the defragmentation that is running"))
	keys, items, prefixes := s.push.tracked.sizes()
	to.Sample(stats.Gauge("tracking_total_keys", keys, "Keys that are tracked"))
	to.Sample(stats.Gauge("tracking_total_items", items, "Pairs of a client and a key that it tracks"))
	to.Sample(stats.Gauge("tracking_total_prefixes", prefixes, "Prefixes that are tracked"))
	to.Sample(stats.Plain("unexpected_error_replies", 0))
	to.Sample(stats.Counter("total_error_replies", t.replies.Load(), "Error replies"))
	to.Sample(stats.Plain("dump_payload_sanitizations", 0))
	to.Sample(stats.Counter("total_reads_processed", t.reads.Load(), "Reads from sockets"))
	to.Sample(stats.Counter("total_writes_processed", t.writes.Load(), "Writes to sockets"))
	to.Sample(stats.Plain("io_threaded_reads_processed", 0))
	to.Sample(stats.Plain("io_threaded_writes_processed", 0))
	to.Sample(stats.Counter("client_query_buffer_limit_disconnections", s.overInput.Load(), "Clients closed because of their input"))
	to.Sample(stats.Counter("client_output_buffer_limit_disconnections", s.overOutput.Load(), "Clients closed because of their output"))
	to.Sample(stats.Plain("reply_buffer_shrinks", 0))
	to.Sample(stats.Plain("reply_buffer_expands", 0))
	to.Sample(stats.Counter("eventloop_cycles", t.turns.Load(), "Turns of event loops"))
	busy := time.Duration(max(s.transport.busyNS()-t.beforeNS.Load(), 0))
	to.Sample(stats.TotalTime("eventloop_duration_sum", busy, stats.Microseconds, "Time event loops were busy"))
	to.Sample(stats.TotalTime("eventloop_duration_cmd_sum", time.Duration(t.commandNS()), stats.Microseconds, "Time commands took"))
	to.Sample(stats.Gauge("instantaneous_eventloop_cycles_per_sec", s.sampler.turnsPerSec.Load(), "Rate of turns of event loops").
		In(stats.PerSecond))
	to.Sample(stats.Time("instantaneous_eventloop_duration_usec", time.Duration(s.sampler.turnNS.Load()), stats.Microseconds,
		"Duration of a turn of an event loop, lately"))
	for _, d := range []struct {
		name string
		n    int64
		help string
	}{
		{"acl_access_denied_auth", s.users.deniedAuth.Load(), "Authentications that failed"},
		{"acl_access_denied_cmd", s.users.deniedACL[acl.DeniedCommand].Load(), "Commands refused because of the user's commands"},
		{"acl_access_denied_key", s.users.deniedACL[acl.DeniedKey].Load(), "Commands refused because of the user's keys"},
		{"acl_access_denied_channel", s.users.deniedACL[acl.DeniedChannel].Load(), "Commands refused because of the user's channels"},
	} {
		to.Sample(stats.Counter(d.name, d.n, d.help))
	}
}

// resetStats sets to zero what CONFIG RESETSTAT does, of all sections of the server. The peak of memory stays, as in
// Redis.
func (s *Server) resetStats(tx *engine.Tx, nowMS int64) {
	s.keys.ResetStats(tx)
	s.totals.init(s.table.Numbers())
	s.acceptedTotal.Store(0)
	s.refusedTotal.Store(0)
	s.overInput.Store(0)
	s.overOutput.Store(0)
	s.memory.evictedClients.Store(0)
	s.users.deniedAuth.Store(0)
	for i := range s.users.deniedACL {
		s.users.deniedACL[i].Store(0)
	}
	s.sweepNS.Store(0)
	s.totals.beforeNS.Store(s.transport.busyNS())
	s.memory.limit.resetStats(nowMS)
}

// kilobytes is a rate of bytes as INFO shows it.
func kilobytes(name string, perSecond int64, help string) stats.Sample {
	return stats.Float(name, float64(perSecond)/1024, 2, help).In(stats.KilobytesPerSecond)
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func reportCPU(to stats.Sink) {
	sys, user := host.CPUTime()
	to.Sample(stats.TotalTime("used_cpu_sys", sys, stats.Seconds, "Time of processors spent in the system").WithDigits(6))
	to.Sample(stats.TotalTime("used_cpu_user", user, stats.Seconds, "Time of processors spent in the process").WithDigits(6))
	to.Sample(stats.PlainText("used_cpu_sys_children", "0.000000"))
	to.Sample(stats.PlainText("used_cpu_user_children", "0.000000"))
	// All threads do the work of Redis's main thread.
	to.Sample(stats.Time("used_cpu_sys_main_thread", sys, stats.Seconds, "").WithDigits(6).OnlyInfo())
	to.Sample(stats.Time("used_cpu_user_main_thread", user, stats.Seconds, "").WithDigits(6).OnlyInfo())
}

func (s *Server) reportKeyspace(to stats.Sink, tx *engine.Tx, nowMS int64) {
	for db := range s.keys.Databases() {
		d := s.keys.DBStats(tx, db, nowMS)
		if d.Keys == 0 {
			continue
		}
		number := strconv.Itoa(db)
		to.Row(stats.Row{Family: "db", Name: "db" + number, Labels: []stats.Label{{Name: "db", Value: number}}}, []stats.Sample{
			stats.Gauge("keys", d.Keys, "Keys in the database"),
			stats.Gauge("expires", d.Expires, "Keys in the database that have a deadline"),
			stats.Time("avg_ttl", milliseconds(d.AvgTTLMS), stats.Milliseconds, "Mean time to live of a sample of keys"),
			stats.Gauge("subexpiry", d.Subexpiry, "Hashes in the database that have fields with a deadline"),
		})
	}
}

func (s *Server) reportCommands(to stats.Sink) {
	s.totals.eachCommand(s.tables(), func(name string, st *commandStat, _ *latencies) {
		took := time.Duration(elapsed(st.ns)) * time.Microsecond
		to.Row(rowOfCommand("cmdstat", name), []stats.Sample{
			stats.Counter("calls", st.calls, "Calls of the command"),
			stats.TotalTime("usec", took, stats.Microseconds, "Time that calls of the command took"),
			stats.Float("usec_per_call", stats.Quotient(took.Microseconds(), st.calls), 2, "").OnlyInfo(),
			stats.Counter("rejected_calls", st.rejected, "Calls of the command that were refused before they ran"),
			stats.Counter("failed_calls", st.failed, "Calls of the command that ran and replied with an error"),
		})
	})
}

func (s *Server) reportErrors(to stats.Sink) {
	for _, e := range s.totals.errorCounts() {
		row := stats.Row{Family: "errorstat", Name: "errorstat_" + e.code, Labels: []stats.Label{{Name: "error", Value: e.code}}}
		to.Row(row, []stats.Sample{stats.Counter("count", e.count, "Error replies with this code")})
	}
}

func (s *Server) reportLatencies(to stats.Sink) {
	percentiles := s.cfg.Value("latency-tracking-info-percentiles").Strings()
	s.totals.eachCommand(s.tables(), func(name string, _ *commandStat, h *latencies) {
		if h == nil || len(percentiles) == 0 {
			return
		}
		var samples []stats.Sample
		for _, p := range percentiles {
			percent, _ := strconv.ParseFloat(p, 64)
			x := stats.Time("p"+p, time.Duration(h.percentile(percent)), stats.Microseconds, "Duration of calls of the command").WithDigits(3)
			x.Label = stats.Label{Name: "quantile", Value: strconv.FormatFloat(percent/100, 'g', 12, 64)}
			samples = append(samples, x)
		}
		to.Row(rowOfCommand("latency_percentiles_usec", name), samples)
	})
}
