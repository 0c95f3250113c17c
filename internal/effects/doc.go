// Package effects is the stream of everything that changes the keyspace.
//
// An effect is a command that has the same outcome as what was done, whenever it is
// applied: a time instead of a duration, the removed member instead of chance. The
// engine hands effects to the one Stream there is, under the locks of the shards they
// happened in, so that the stream has each key's effects in their order. Each is encoded
// once, as a request of the Redis protocol, and has its place in bytes from the
// beginning of the stream. Effects that belong together stand between MULTI and EXEC;
// SELECT stands where the database changes.
//
// Sinks take what is encoded: the append-only file, a backlog for replicas, and
// whatever else follows the keyspace. They know nothing of each other. A sink attaches
// while the whole keyspace is locked, so that it knows the offset from which on it sees
// everything, and that a snapshot begun under the same locks has everything before.
//
// # Locks
//
// Stream.mu orders the effects of different shards. It is taken under the locks of
// shards, and sinks are called under it.
package effects
