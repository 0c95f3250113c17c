package server

import (
	"context"
	"io"

	"cached/commands"
	"cached/engine"
)

// A Persistence keeps the keyspace on disk, as far as the server has to do with
// it.
type Persistence interface {
	Durability

	// Info passes fields of INFO persistence; changes is Engine.Changes.
	Info(changes int64, line func(name string, value any))
	// Serialized is how many bytes the value at key takes in a snapshot.
	Serialized(tx *engine.Tx, key []byte) int
	// Reload saves, empties and loads the keyspace, all of which tx holds; with
	// merge, keys that are there may be replaced.
	Reload(tx *engine.Tx, save, flush, merge bool) error
	// ReloadLog empties the keyspace, all of which tx holds, and loads it from the
	// append-only file.
	ReloadLog(tx *engine.Tx) error
	// Stream writes a snapshot of the keys, the libraries of functions, or both to w,
	// until an error or gone reports true.
	Stream(w io.Writer, keys, functions bool, gone func() bool) error
	// Shutdown saves what SHUTDOWN wants saved.
	Shutdown(ctx context.Context, save, nosave, force bool) error

	// DebugSet changes what DEBUG does, by its name here.
	DebugSet(what string, n int64)

	// OnSettled has f called whenever Settled or Broken have changed. It does not
	// wait, and takes no lock of the engine.
	OnSettled(f func())
	// LogBuffer is how many bytes wait to be written to the log.
	LogBuffer() int64
}

func (s *Server) logBuffer() int64 {
	if s.disk == nil {
		return 0
	}
	return s.disk.LogBuffer()
}

// debugReload is DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE].
func (s *Server) debugReload(c *commands.Ctx) error {
	save, flush, merge := true, true, false
	for a := c.Args(2); a.More(); {
		switch {
		case a.Is("MERGE"):
			merge = true
		case a.Is("NOFLUSH"):
			flush = false
		case a.Is("NOSAVE"):
			save = false
		default:
			return commands.Error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
		}
	}
	if s.disk == nil {
		return errSubcommand(c)
	}
	if err := s.disk.Reload(c.Tx, save, flush, merge); err != nil {
		return commands.Error("ERR Error trying to load the RDB dump, check server logs.")
	}
	c.Tx.PropagateNothing()
	c.Reply.OK()
	return nil
}

// debugLoadLog is DEBUG LOADAOF.
func (s *Server) debugLoadLog(c *commands.Ctx) error {
	if s.disk == nil {
		return errSubcommand(c)
	}
	if err := s.disk.ReloadLog(c.Tx); err != nil {
		return commands.Error("ERR Error trying to load the AOF files, check server logs.")
	}
	c.Tx.PropagateNothing()
	c.Reply.OK()
	return nil
}

// infoPersistence writes what Persistence says over what a server without it
// shows.
func (s *Server) infoPersistence(w *infoWriter) {
	shown := map[string]any{}
	var further []string
	changes := s.keys.Changes(w.tx)
	lines := persistenceDefaults(changes, s.base.Unix())
	if s.disk != nil {
		known := map[string]bool{}
		for _, l := range lines {
			known[l.name] = true
		}
		s.disk.Info(changes, func(name string, value any) {
			if !known[name] {
				further = append(further, name)
			}
			shown[name] = value
		})
	}
	for _, l := range lines {
		if v, ok := shown[l.name]; ok {
			l.value = v
		}
		w.line(l.name, l.value)
	}
	for _, name := range further {
		w.line(name, shown[name])
	}
}

type infoLine struct {
	name  string
	value any
}

func persistenceDefaults(changes, start int64) []infoLine {
	return []infoLine{{"loading", 0}, {"async_loading", 0}, {"current_cow_peak", 0}, {"current_cow_size", 0},
		{"current_cow_size_age", 0}, {"current_fork_perc", "0.00"}, {"current_save_keys_processed", 0},
		{"current_save_keys_total", 0}, {"rdb_changes_since_last_save", changes}, {"rdb_bgsave_in_progress", 0},
		{"rdb_last_save_time", start}, {"rdb_last_bgsave_status", "ok"}, {"rdb_last_bgsave_time_sec", -1},
		{"rdb_current_bgsave_time_sec", -1}, {"rdb_saves", 0}, {"rdb_last_cow_size", 0}, {"rdb_last_load_keys_expired", 0},
		{"rdb_last_load_keys_loaded", 0}, {"aof_enabled", 0}, {"aof_rewrite_in_progress", 0}, {"aof_rewrite_scheduled", 0},
		{"aof_last_rewrite_time_sec", -1}, {"aof_current_rewrite_time_sec", -1}, {"aof_last_bgrewrite_status", "ok"},
		{"aof_rewrites", 0}, {"aof_rewrites_consecutive_failures", 0}, {"aof_last_write_status", "ok"},
		{"aof_last_cow_size", 0}, {"module_fork_in_progress", 0}, {"module_fork_last_cow_size", 0}}
}
