package value

import (
	"cached/engine/arena"
	"cached/engine/table"
)

// freeList frees about budget elements that the item refers to and reports
// whether that was all.
func freeList(h *arena.Heap, it table.Item, budget int) bool { return true }

// listEffort is about how many blocks the item refers to.
func listEffort(it table.Item) int { return 1 }

// copyList gives the item c, which is a copy of it, its own copies of the blocks
// that it refers to, in the heap to.
func copyList(to *arena.Heap, it, c table.Item) {}

// listBytes is the memory of the blocks the item refers to.
func listBytes(it table.Item, samples int) int64 { return 0 }
