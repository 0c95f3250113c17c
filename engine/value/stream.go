package value

import (
	"cached/engine/arena"
	"cached/engine/table"
)

// freeStream frees about budget elements that the item refers to and reports
// whether that was all.
func freeStream(h *arena.Heap, it table.Item, budget int) bool { return true }

// streamEffort is about how many blocks the item refers to.
func streamEffort(it table.Item) int { return 1 }

// copyStream gives the item c, which is a copy of it, its own copies of the blocks
// that it refers to, in the heap to.
func copyStream(to *arena.Heap, it, c table.Item) {}

// streamBytes is the memory of the blocks the item refers to.
func streamBytes(it table.Item, samples int) int64 { return 0 }
