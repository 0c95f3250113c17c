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
// A command reports each change to Tx.Modified, under the lock: this is the one hook of watched keys, client-side
// caching, notifications and blocked clients. Effects for logs and replicas are passed to Tx.Propagate and added
// to the stream at Commit, still under the lock, so that the stream has the changes of each key in their order.
//
// # Goroutines
//
// None of its own. The owner of the engine calls Maintain at intervals, which removes expired keys and frees
// removed values in small steps.
//
// # Locks
//
// shard.mu guards a shard. A transaction that needs several shards locks them in ascending order of their index
// and holds all of them until Unlock; only the locks of the stream, the watchers and the miss curve are taken
// under them. A transaction with GivesUp does not wait for a lock, but takes a place in the queue of the shard
// (wait.go). Work that takes long claims its keys and releases the locks of their shards (claim.go).
package engine
