package replication

import (
	"strconv"
	"time"

	"cached/engine"
	"cached/internal/stats"
)

// Sections returns the section replication of INFO.
func (r *Replication) Sections(*engine.Tx, int64) []stats.Section {
	return []stats.Section{{Name: "replication", Title: "Replication", Collect: r.report}}
}

func (r *Replication) report(to stats.Sink) {
	good := int64(-1)
	if r.cfg.Value("min-replicas-to-write").Int() > 0 {
		good = r.good()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	offset := r.backlog.offset()
	if !r.following.Load() {
		to.Sample(stats.State("role", "master", "Role in replication"))
	} else {
		to.Sample(stats.State("role", "slave", "Role in replication"))
		r.reportPrimary(to, offset)
	}
	to.Sample(stats.Gauge("connected_slaves", int64(len(r.peers)), "Connected replicas"))
	if good >= 0 {
		to.Sample(stats.Gauge("min_slaves_good_slaves", good, "Replicas that were heard of lately"))
	}
	now := time.Now()
	for i, p := range r.peers {
		lag := int64(now.Sub(time.Unix(0, p.heardNS.Load())).Seconds())
		if !p.is(online) {
			lag = 0
		}
		to.Sample(stats.PlainText("slave"+strconv.Itoa(i), "ip="+p.host()+",port="+strconv.Itoa(p.port)+",state="+stateNames[p.state.Load()]+
			",offset="+strconv.FormatInt(p.acked.Load(), 10)+",lag="+strconv.FormatInt(lag, 10)))
	}
	to.Sample(stats.PlainText("master_failover_state", r.failoverState()))
	to.Sample(stats.State("master_replid", r.history.ID, "Identifier of the data's history"))
	to.Sample(stats.PlainText("master_replid2", r.history.ID2))
	to.Sample(stats.Gauge("master_repl_offset", offset, "Bytes of the stream of changes").In(stats.Bytes))
	to.Sample(stats.Plain("second_repl_offset", r.history.Second))
	first, end := r.backlog.held()
	active := int64(0)
	if r.attached {
		active, first = 1, first+1
	} else {
		first = 0
		end = 0
	}
	to.Sample(stats.Plain("repl_backlog_active", active))
	to.Sample(stats.Gauge("repl_backlog_size", r.cfg.Value("repl-backlog-size").Int(), "Bytes of changes that are kept for replicas").In(stats.Bytes))
	to.Sample(stats.Plain("repl_backlog_first_byte_offset", first))
	to.Sample(stats.Gauge("repl_backlog_histlen", max(end-first+1, 0)*active, "Bytes of changes that there are").In(stats.Bytes))
}

// reportPrimary is what a replica says of its primary. mu is held.
func (r *Replication) reportPrimary(to stats.Sink, offset int64) {
	host, port, _ := r.primary()
	n, _ := strconv.ParseInt(port, 10, 64)
	status, lastIO, receives := "down", int64(-1), int64(0)
	l := r.link
	if r.up.Load() && l != nil {
		status, lastIO = "up", int64(time.Since(time.Unix(0, l.heardNS.Load())).Seconds())
	}
	syncing := l != nil && l.state.Load() == int32(receiving)
	if syncing {
		receives = 1
	}
	if !r.position.known {
		offset = 0
	}
	to.Sample(stats.State("master_host", host, "Host of the primary"))
	to.Sample(stats.Plain("master_port", n))
	to.Sample(stats.State("master_link_status", status, "Link to the primary"))
	to.Sample(stats.Plain("master_last_io_seconds_ago", lastIO))
	to.Sample(stats.Plain("master_sync_in_progress", receives))
	to.Sample(stats.Plain("slave_read_repl_offset", offset))
	to.Sample(stats.Gauge("slave_repl_offset", offset, "Bytes of the stream that were applied").In(stats.Bytes))
	if syncing {
		size, got := l.size.Load(), l.got.Load()
		left := int64(-1)
		if size >= 0 {
			left = size - got
		}
		to.Sample(stats.Plain("master_sync_total_bytes", max(size, 0)))
		to.Sample(stats.Plain("master_sync_read_bytes", got))
		to.Sample(stats.Plain("master_sync_left_bytes", left))
		to.Sample(stats.Float("master_sync_perc", 100*float64(got)/float64(max(size, 1)), 2, "Part of the snapshot that has come").In(stats.Percent))
		to.Sample(stats.Plain("master_sync_last_io_seconds_ago", int64(time.Since(time.Unix(0, l.heardNS.Load())).Seconds())))
	}
	if status == "down" {
		since := int64(-1)
		if l != nil {
			since = time.Now().Unix() - l.downAt.Load()
		}
		to.Sample(stats.Plain("master_link_down_since_seconds", since))
	}
	flag := func(name string) int64 {
		if r.cfg.Value(name).Bool() {
			return 1
		}
		return 0
	}
	to.Sample(stats.Plain("slave_priority", r.cfg.Value("replica-priority").Int()))
	to.Sample(stats.Plain("slave_read_only", flag("replica-read-only")))
	to.Sample(stats.Plain("replica_announced", flag("replica-announced")))
}
