// Package table stores items: blocks that begin with a key, found by its hash.
//
// A Table is an extendible hash table. Its directory maps the leading bits of a
// hash to a segment; a segment is a block of a few cache lines, each of eight
// entries; an entry is the item's address and sixteen bits of its hash. A
// segment that is full gets a few lines more, and at thirty-two lines it splits
// in two: no rehash pause, no doubled table, a load factor that stays near 0.8.
//
// The whole table is kept in the order of the hash: the directory by its
// leading bits, the home lines of a segment by the sixteen bits that follow,
// which are those the entry keeps. So lines can be added or taken away, and
// segments merged, without looking at a single item, and a position in hash
// space is a cursor that stays valid when segments grow, split or merge.
//
// An entry is in its home line or in the next one, never farther. Deleting clears
// a word, a search without success looks at two neighbouring lines, and there are
// no tombstones.
//
// A Table is free of Go pointers: it may be a field of a Go struct (a shard's
// keyspace) or lie in a block itself (the fields of a large hash).
//
// # Locks
//
// None: the owner of the heap, usually a shard, guards the tables in it.
package table
