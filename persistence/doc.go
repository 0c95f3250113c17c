// Package persistence keeps the keyspace on disk, in the files of Redis: what one
// server has left in a directory the other one finds. It has the commands that
// deal in that format (DUMP, RESTORE, MIGRATE, SAVE, BGSAVE, LASTSAVE), the save
// points, loading at the start and saving at the end. The format itself is in
// package rdb.
//
//	disk := persistence.New(persistence.Options{...})
//	disk.Begin()  // clients are told to wait
//	disk.Load()
//	disk.Start()  // the save points are watched
//	disk.Close()  // after the last command
//
// # Goroutines
//
// Start's, which looks at the save points until Close; one for a snapshot in the
// background, which walks the keyspace in small steps and writes what commands
// and it have encoded; those of rdb.Load; and one for each MIGRATE that waits for
// the network, which ends with its timeouts.
//
// # Locks
//
// Disk.mu guards what INFO and the save points look at, sink.mu what a snapshot
// has encoded. Both are taken under the locks of shards, and no shard is locked
// under them. peers.mu guards the kept connections and stands alone.
package persistence
