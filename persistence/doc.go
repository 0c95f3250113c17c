// Package persistence keeps the keyspace on disk, in the files of Redis: what one
// server has left in a directory the other one finds. It has the commands that
// deal in these formats (DUMP, RESTORE, MIGRATE, SAVE, BGSAVE, BGREWRITEAOF,
// LASTSAVE), the save points, the append-only file, loading at the start and saving
// at the end. The formats themselves are in packages rdb and aof.
//
//	disk := persistence.New(persistence.Options{...})
//	disk.Begin()  // clients are told to wait
//	disk.Load()
//	disk.Start()  // the save points are watched, the log is written
//	disk.Close()  // after the last command
//
// # Goroutines
//
// Start's, until Close: one looks at the save points and at the size of the log, one
// writes what was logged and nobody waits to write himself, one syncs it each second.
// One for a snapshot or a rewrite in the background, which walks the keyspace in small
// steps and writes what commands and it have encoded, and now and then one beside it
// that syncs the file. Those of rdb.Load, and the lanes that run the commands of a
// log. One for each MIGRATE that waits for the network, which ends with its timeouts.
//
// # Locks
//
// Disk.mu guards what INFO and the save points look at, logState.mu which files the log
// has, sink.mu what a snapshot has encoded, journal.mu what was logged and not taken
// yet. They are taken under the locks of shards, and no shard is locked under them.
// journalFile.mu is held by whoever writes the log, which may take as long as the disk
// does: it is taken under no lock but logState.mu, and before journal.mu. peers.mu guards
// the kept connections and stands alone.
package persistence
