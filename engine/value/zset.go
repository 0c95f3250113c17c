package value

import (
	"cached/engine/arena"
	"cached/engine/table"
)

// freeZSet frees about budget elements that the item refers to and reports
// whether that was all.
func freeZSet(h *arena.Heap, it table.Item, budget int) bool { return true }

// zsetEffort is about how many blocks the item refers to.
func zsetEffort(it table.Item) int { return 1 }

// copyZSet gives the item c, which is a copy of it, its own copies of the blocks
// that it refers to, in the heap to.
func copyZSet(to *arena.Heap, it, c table.Item) {}

// zsetBytes is the memory of the blocks the item refers to.
func zsetBytes(it table.Item, samples int) int64 { return 0 }
