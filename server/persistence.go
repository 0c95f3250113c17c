package server

import (
	"context"

	"cached/commands"
	"cached/engine"
)

// A Persistence keeps the keyspace on disk, as far as the server has to do with
// it.
type Persistence interface {
	Durability

	// Serialized is how many bytes the value at key takes in a snapshot.
	Serialized(tx *engine.Tx, key []byte) int
	// Reload saves, empties and loads the keyspace, all of which tx holds; with
	// merge, keys that are there may be replaced.
	Reload(tx *engine.Tx, save, flush, merge bool) error
	// ReloadLog empties the keyspace, all of which tx holds, and loads it from the
	// append-only file.
	ReloadLog(tx *engine.Tx) error
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
