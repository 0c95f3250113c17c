package value

import (
	"cached/engine/arena"
	"cached/engine/table"
)

// freeHash frees about budget elements that the item refers to and reports
// whether that was all.
func freeHash(h *arena.Heap, it table.Item, budget int) bool { return true }

// hashEffort is about how many blocks the item refers to.
func hashEffort(it table.Item) int { return 1 }

// copyHash gives the item c, which is a copy of it, its own copies of the blocks
// that it refers to, in the heap to.
func copyHash(to *arena.Heap, it, c table.Item) {}

// hashBytes is the memory of the blocks the item refers to.
func hashBytes(it table.Item, samples int) int64 { return 0 }
