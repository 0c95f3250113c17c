// Package effects is the stream of everything that changes the keyspace.
//
// An effect is a command that repeats a change with the same outcome, whenever it is
// applied: with an absolute time instead of a duration, with the removed member instead
// of a random one. The engine adds effects to the only Stream under the locks of the
// shards they changed, so that the stream has each key's effects in their order. Each
// is encoded once, as a request of the Redis protocol, at an offset in bytes from the
// beginning of the stream. Effects that belong together are between MULTI and EXEC;
// there is a SELECT where the database changes.
//
// Sinks take the encoded effects: the append-only file, a backlog for replicas, and
// others that follow the keyspace. They know nothing of each other. A sink attaches
// while the whole keyspace is locked: it receives all effects from a known offset on,
// and a snapshot begun under the same locks contains all effects before it.
//
// # Locks
//
// Stream.mu orders the effects of different shards. It is taken under the locks of
// shards, and sinks are called under it.
package effects
