// Package replication keeps replicas of the keyspace, in the protocol of Redis: it sends the
// stream of effects to replicas, and applies that of a primary. It has PSYNC, SYNC, REPLCONF,
// REPLICAOF, ROLE and WAIT.
//
//	repl := replication.New(replication.Options{...})
//	repl.SetServer(srv, ...)
//	repl.Begin() // takes the configured role; before the data is loaded
//	repl.Start() // connects; behind it
//	repl.Close()
//
// The backlog has the last part of the stream, once for all replicas; a History names the
// stream, so that a replica that was away for a moment goes on where it was. A peer is a
// replica of this server, a round a snapshot for some of them, a link the way to the primary.
//
// # Goroutines
//
// One looks after all links until Close. Two for each peer, which end with its connection: one
// sends, one listens. One for each round, and for the wait before it. One for the link, which
// connects, loads and applies, and ends when another primary, or none, is followed; while it
// loads or applies, one beside it that speaks to the primary each second.
//
// # Locks
//
// Replication.mu guards roles, peers and waiters; backlog.mu the bytes; peer.mu a connection.
// They are taken under the locks of shards, in this order: mu, peer.mu, backlog.mu. No shard is
// locked under them. What changes a role is done with the whole keyspace locked.
package replication
