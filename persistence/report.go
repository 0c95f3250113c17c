package persistence

import (
	"time"

	"cached/engine"
	"cached/internal/stats"
)

// Sections returns the section persistence of INFO. tx is as Engine.Changes takes it.
func (d *Disk) Sections(tx *engine.Tx, _ int64) []stats.Section {
	return []stats.Section{{Name: "persistence", Title: "Persistence", Reset: d.resetStats,
		Collect: func(to stats.Sink) { d.report(to, d.keys.Changes(tx)) }}}
}

// report passes all samples. A field for which there is nothing here, such as the memory of a fork, has its value
// of a Redis server that does not use it.
func (d *Disk) report(to stats.Sink, changes int64) {
	loading := d.loading.active.Load()
	to.Sample(stats.Flag("loading", loading, "Whether the data is being loaded"))
	to.Sample(stats.Plain("async_loading", 0))
	to.Sample(stats.Plain("current_cow_peak", 0))
	to.Sample(stats.Plain("current_cow_size", 0))
	to.Sample(stats.Plain("current_cow_size_age", 0))
	d.reportSnapshots(to, changes)
	d.reportLog(to)
	to.Sample(stats.Plain("aof_last_cow_size", 0))
	to.Sample(stats.Plain("module_fork_in_progress", 0))
	to.Sample(stats.Plain("module_fork_last_cow_size", 0))
	d.reportLogFile(to)
	if !loading {
		return
	}
	done, total := d.loading.done(), d.loading.total.Load()
	to.Sample(stats.Gauge("loading_start_time", d.loading.start.Load(), "When loading began").In(stats.UnixSeconds))
	to.Sample(stats.Gauge("loading_total_bytes", total, "Bytes of the files that are loaded").In(stats.Bytes))
	to.Sample(stats.Plain("loading_rdb_used_mem", 0))
	to.Sample(stats.Gauge("loading_loaded_bytes", done, "Bytes that have been loaded").In(stats.Bytes))
	to.Sample(stats.Float("loading_loaded_perc", 100*float64(done)/float64(max(total, 1)), 2, "Part that has been loaded").In(stats.Percent))
	to.Sample(inSeconds("loading_eta_seconds", d.secondsLeft(), "Time that loading is expected to take from now on"))
}

func (d *Disk) reportSnapshots(to stats.Sink, changes int64) {
	d.mu.Lock()
	last, snap, started := d.last, d.snapshot, d.started
	d.mu.Unlock()
	saving, current := false, int64(-1)
	if d.saving.Load() && !d.rewriting() {
		saving, current = true, int64(time.Since(started).Seconds())
	}
	part, saved, total := 0.0, 0, 0
	if snap != nil {
		saved, total = snap.Progress()
		part = 100 * float64(saved) / float64(max(total, 1))
	}
	to.Sample(stats.Float("current_fork_perc", part, 2, "Part of the running snapshot that is done").In(stats.Percent))
	to.Sample(stats.Gauge("current_save_keys_processed", saved, "Keys that the running snapshot has saved"))
	to.Sample(stats.Gauge("current_save_keys_total", total, "Keys that the running snapshot saves"))
	to.Sample(stats.Gauge("rdb_changes_since_last_save", changes-last.changes, "Changes since the last snapshot"))
	to.Sample(stats.Flag("rdb_bgsave_in_progress", saving, "Whether a snapshot is being saved in the background"))
	to.Sample(stats.Gauge("rdb_last_save_time", last.at, "When the last snapshot was saved").In(stats.UnixSeconds))
	to.Sample(stats.State("rdb_last_bgsave_status", status(last.failed), "Outcome of the last snapshot in the background"))
	to.Sample(inSeconds("rdb_last_bgsave_time_sec", last.took, "Duration of the last snapshot in the background"))
	to.Sample(inSeconds("rdb_current_bgsave_time_sec", current, "Duration of the running snapshot so far"))
	to.Sample(stats.Counter("rdb_saves", last.count, "Snapshots saved"))
	to.Sample(stats.Plain("rdb_last_cow_size", 0))
	to.Sample(stats.Gauge("rdb_last_load_keys_expired", last.expired, "Keys of the loaded snapshot that had expired"))
	to.Sample(stats.Gauge("rdb_last_load_keys_loaded", last.loaded, "Keys loaded from the snapshot"))
}

// reportLog passes the samples that are there whether the append-only file is enabled or not.
func (d *Disk) reportLog(to stats.Sink) {
	d.aof.mu.Lock()
	r := d.aof.rewrites
	d.aof.mu.Unlock()
	current := int64(-1)
	if r.active {
		current = int64(time.Since(r.started).Seconds())
	}
	to.Sample(stats.Flag("aof_enabled", d.aof.wanted.Load(), "Whether changes are logged"))
	to.Sample(stats.Flag("aof_rewrite_in_progress", r.active, "Whether the log is being rewritten"))
	to.Sample(stats.Flag("aof_rewrite_scheduled", d.aof.due.Load(), "Whether a rewrite of the log is due"))
	to.Sample(inSeconds("aof_last_rewrite_time_sec", r.took, "Duration of the last rewrite of the log"))
	to.Sample(inSeconds("aof_current_rewrite_time_sec", current, "Duration of the running rewrite of the log so far"))
	to.Sample(stats.State("aof_last_bgrewrite_status", status(r.failed), "Outcome of the last rewrite of the log"))
	to.Sample(stats.Counter("aof_rewrites", r.count, "Rewrites of the log"))
	to.Sample(stats.Gauge("aof_rewrites_consecutive_failures", r.failures, "Rewrites of the log that failed in a row"))
	to.Sample(stats.State("aof_last_write_status", status(d.logFailure() != nil), "Outcome of the last write to the log"))
}

// reportLogFile passes the samples that only an enabled append-only file has.
func (d *Disk) reportLogFile(to stats.Sink) {
	j := d.aof.journal
	if j == nil || !d.aof.wanted.Load() {
		return
	}
	d.aof.mu.Lock()
	base, before := d.aof.base, d.aof.before
	d.aof.mu.Unlock()
	j.mu.Lock()
	pending := int64(len(j.buf))
	j.mu.Unlock()
	to.Sample(stats.Gauge("aof_current_size", before+j.bytes(), "Size of the log").In(stats.Bytes))
	to.Sample(stats.Gauge("aof_base_size", base, "Size of the log after its last rewrite").In(stats.Bytes))
	to.Sample(stats.Plain("aof_pending_rewrite", 0))
	to.Sample(stats.Gauge("aof_buffer_length", pending+j.out.waiting.Load(), "Bytes that wait to be written to the log").In(stats.Bytes))
	to.Sample(stats.Flag("aof_pending_bio_fsync", j.out.syncing.Load() != 0, "Whether a sync of the log is running"))
	to.Sample(stats.Counter("aof_delayed_fsync", j.out.delayed.Load(), "Syncs of the log that took very long"))
}

// resetStats sets the counters to zero, for CONFIG RESETSTAT.
func (d *Disk) resetStats() {
	d.mu.Lock()
	d.last.count = 0
	d.mu.Unlock()
	d.aof.mu.Lock()
	d.aof.rewrites.count = 0
	d.aof.mu.Unlock()
	if j := d.aof.journal; j != nil {
		j.out.delayed.Store(0)
	}
}

// inSeconds is a duration in whole seconds; below zero there was none, which only INFO shows.
func inSeconds(name string, n int64, help string) stats.Sample {
	if n < 0 {
		return stats.Plain(name, n)
	}
	return stats.Time(name, time.Duration(n)*time.Second, stats.Seconds, help)
}

func status(failed bool) string {
	if failed {
		return "err"
	}
	return "ok"
}
