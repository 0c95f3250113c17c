// Package arena hands out blocks of memory outside the Go heap.
//
// A Pool maps large regions from the system and cuts them into pages. A Heap,
// one per shard, makes slabs of equal blocks of them: size classes step by 8
// bytes up to 256, by 16 up to 1 KiB, by at most 6% of the block up to 16 KiB and by
// at most 11% above. Blocks above 128 KiB are mapped one by one. A Heap reuses freed
// blocks; a slab without live blocks is returned to the Pool, and the Pool returns
// memory that it does not need to the system. Compaction moves blocks to fuller slabs, and within a slab to its beginning,
// so that the memory at its end is returned too: a cache of values of all sizes has a
// hundred slabs that are half empty.
//
// A block is named by its Addr, a number that the garbage collector does not see:
// ten million blocks cost it nothing. The price is that the lifetime of a block is not
// checked. A block has exactly one referrer, the entry or header that holds its Addr,
// so the holder of that referrer's lock may move it. Slices made by Addr.Bytes and
// pointers made by At alias the block and are invalid once it is freed or moved: they
// must not outlive the lock under which they were made.
//
// Builds with invariants enabled poison freed blocks and check that a block is
// freed with the size class it was allocated with.
//
// # Goroutines and locks
//
// A Heap has none: its owner's lock (the shard's) guards it. The Pool has one
// mutex, taken when a slab is opened or closed, never while another lock of this
// package is held. Where memory comes in huge pages, a goroutine that lives for some
// milliseconds touches the next one before it is needed.
package arena
