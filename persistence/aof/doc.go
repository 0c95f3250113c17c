// Package aof reads and writes the files of Redis's append-only log: the commands
// in them, and the manifest that says which files there are.
//
// A log is a base, which holds the keyspace as it was at one moment, and
// increments, which hold what was changed since, in their order. The base is a
// snapshot (package rdb) or the commands that make the keys; increments are
// commands as clients send them. Effects that must be applied together are between
// MULTI and EXEC. The manifest is a text file with a line for each of the other files;
// a new base takes effect at the moment when the manifest is replaced.
//
// The package knows bytes and no files: it neither opens nor writes any.
//
// # Goroutines and locks
//
// None.
package aof
