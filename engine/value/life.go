package value

import (
	"cached/engine/arena"
	"cached/engine/table"
)

// Free frees an item and all memory that its value refers to.
func Free(h *arena.Heap, it table.Item) {
	for !FreeSome(h, it, 1<<62) {
	}
}

// FreeSome frees about budget elements of an item that is no longer in any table, and the item itself with the
// last of them. It reports whether those were all; until then the item may not be used otherwise.
func FreeSome(h *arena.Heap, it table.Item, budget int) bool {
	done := true
	switch TypeOf(it) {
	case List:
		done = freeList(h, it, budget)
	case Set:
		done = freeSet(h, it, budget)
	case ZSet:
		done = freeZSet(h, it, budget)
	case Hash:
		done = freeHash(h, it, budget)
	case Stream:
		done = freeStream(h, it, budget)
	}
	if done {
		it.Free(h)
	}
	return done
}

// FreeEffort is about the number of blocks that Free would free: it decides whether a value is freed at once or in
// steps.
func FreeEffort(it table.Item) int {
	switch TypeOf(it) {
	case List:
		return listEffort(it)
	case Set:
		return setEffort(it)
	case ZSet:
		return zsetEffort(it)
	case Hash:
		return hashEffort(it)
	case Stream:
		return streamEffort(it)
	}
	return 1
}

// IsHuge reports whether a value has so many elements that visiting all of them should happen in steps: it takes a
// millisecond or more.
func IsHuge(it table.Item) bool {
	switch n := FreeEffort(it); TypeOf(it) {
	case List, Stream:
		return n > 64 // chunks
	default:
		return n > 4096
	}
}

// Copy makes an item with another key, in the heap to, of an item with its extension and
// all that its value refers to, with the deadline (0: none).
func Copy(to *arena.Heap, it table.Item, key []byte, deadlineMS int64) table.Item {
	c := table.NewItemLike(to, it, key, deadlineMS)
	copy(c.Value(), it.Value())
	switch TypeOf(it) {
	case List:
		copyList(to, it, c)
	case Set:
		copySet(to, it, c)
	case ZSet:
		copyZSet(to, it, c)
	case Hash:
		copyHash(to, it, c)
	case Stream:
		copyStream(to, it, c)
	}
	return c
}

// Bytes is how much memory an item and all that its value refers to occupy.
// samples bounds how many elements of a large collection are looked at; 0 looks
// at all.
func Bytes(it table.Item, samples int) int64 {
	n := int64(arena.BlockBytes(it.Bytes()))
	switch TypeOf(it) {
	case List:
		n += listBytes(it, samples)
	case Set:
		n += setBytes(it, samples)
	case ZSet:
		n += zsetBytes(it, samples)
	case Hash:
		n += hashBytes(it, samples)
	case Stream:
		n += streamBytes(it, samples)
	}
	return n
}
