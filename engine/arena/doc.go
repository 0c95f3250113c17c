// Package arena hands out blocks of memory outside the Go heap.
//
// A Pool maps large regions from the system and cuts them into pages. A Heap,
// one per shard, makes slabs of equal blocks of them: size classes step by 8
// bytes up to 256, by 16 up to 1 KiB and by at most 12.5% above. Larger blocks
// are mapped one by one. What a Heap frees it reuses; a slab without live
// blocks goes back to the Pool, and the Pool gives what it does not need back
// to the system. Compaction moves blocks to fuller slabs, and in those to the
// beginning, so that the end of a slab goes back too: a cache of values of all
// sizes has a hundred slabs that are half empty.
//
// A block is named by its Addr, a number the garbage collector does not see:
// ten million blocks cost it nothing. The price is that nobody checks their
// lifetime. A block has exactly one referrer, the entry or header that holds
// its Addr, so it may be moved by whoever holds that referrer's lock. Slices
// made by Addr.Bytes and pointers made by At alias the block and end with it:
// they must not outlive the lock under which they were made.
//
// Builds with invariants enabled poison freed blocks and check that a block is
// freed with the size class it was allocated with.
//
// # Goroutines and locks
//
// A Heap has none: its owner's lock (the shard's) guards it. The Pool has one
// mutex, taken when a slab begins or ends, never while another lock of this
// package is held. Where memory comes in huge pages, a goroutine that lives for some
// milliseconds brings each of them in before it is needed.
package arena
