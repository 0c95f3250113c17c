// Package value implements the values of keys: strings, and collections, which are
// built of packed sequences, tables and trees.
//
// A value knows neither its key's meaning nor time, locks or the protocol. It
// is reached through a Ref, the place of its item in a table, since a value
// that grows may need another block. A small value is stored in the item itself; the
// item of a large collection holds the address of its root block.
//
// # Locks
//
// None: the owner of the heap (a shard) serializes all calls.
package value
