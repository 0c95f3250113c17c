// Package replication keeps replicas of the keyspace, in the protocol of Redis: it sends the
// stream of effects to replicas, and applies that of a primary.
//
// The backlog has the last part of the stream, once for all replicas; a History names the
// stream, so that a replica that was away for a moment goes on where it was.
package replication
