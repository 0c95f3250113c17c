// Package engine keeps keys and their values: databases, deadlines, locks and
// memory. It is a library of its own: no sockets, no protocol, no clock; time is
// passed in with every transaction.
//
// The keyspace is cut into shards by the leading bits of a key's hash. A shard
// has a lock, a heap outside the Go heap, and a table for each database. All
// work happens in a Tx: begin it with a time, lock the keys it needs, read and
// change, commit, unlock.
//
//	var tx engine.Tx
//	tx.Begin(e, 0, time.Now().UnixMilli())
//	tx.LockKey(key)
//	tx.SetString(key, value, 0)
//	tx.Commit(nil)
//	tx.Unlock()
//
// A change is told to Tx.Modified, under the lock: that is the one hook on which
// watched keys, client-side caching, notifications and blocked clients hang.
// What must reach a log or a replica is told to Tx.Propagate, and reaches the
// Journal at Commit, still under the lock, so that its order is the data's.
//
// # Goroutines
//
// None of its own. Somebody calls Maintain, which sweeps out what has expired
// and frees, little by little, what was unlinked.
//
// # Locks
//
// shard.mu guards a shard. Whoever needs several takes them in ascending order
// of their index and holds all of them until Unlock; nothing else is locked
// under them but the journal's, the watchers' and the miss curve's own locks. Work
// that may hold them for long, as scripts do, says so: who waits for it can be told
// to give up (long.go).
package engine
