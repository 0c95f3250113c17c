// Package persistence keeps the keyspace on disk, in the files of Redis: either server
// loads the files of the other. It has the commands that use these formats (DUMP,
// RESTORE, MIGRATE, SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE), the save points, the
// append-only file, loading at the start and saving at the end. The formats themselves
// are in packages rdb and aof.
//
//	disk := persistence.New(persistence.Options{...})
//	disk.Begin()  // commands are refused with LOADING
//	disk.Load()
//	disk.Start()  // the save points are watched, the log is written
//	disk.Close()  // after the last command
//
// # Goroutines
//
// Start runs three until Close: one checks the save points and the size of the log, one
// writes effects that no loop writes itself, and one syncs them each second. A snapshot or
// a rewrite in the background has one, which walks the keyspace in small steps and writes
// the bytes that it and commands have encoded, and at intervals another one that syncs the
// file. rdb.Load has its own, and so do the lanes that run the commands of a log. Each
// MIGRATE that waits for the network has one, which ends with its timeouts.
//
// # Locks
//
// Disk.mu guards the state of snapshots, logState.mu the list of the log's files, sink.mu
// the bytes that a snapshot has encoded, journal.mu the effects that were logged and not
// yet taken for writing. They are taken under the locks of shards, and no shard is locked
// under them. A goroutine holds journalFile.mu while it writes the log, which may take as
// long as the disk does: this lock is taken under no lock but logState.mu, and before
// journal.mu. peers.mu guards the kept connections; no other lock is taken with it.
package persistence
