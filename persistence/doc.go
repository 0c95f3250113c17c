// Package persistence keeps the keyspace on disk, in the files of Redis: what one
// server has left in a directory the other one finds.
package persistence
