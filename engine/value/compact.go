package value

import (
	"encoding/binary"

	"cached/engine/arena"
	"cached/engine/table"
	"cached/engine/tree"
)

// Compact moves blocks of a value, its item first, to slabs that are fuller, and returns how many it has visited.
// Of a large hash, set or sorted set it visits all items if there are at most few, otherwise those of the segment
// at the place rnd; of a list and a stream the chunks and nodes. Nodes of trees are not moved.
func (r Ref) Compact(few int, rnd uint64) (looked int) {
	it := r.Item()
	if a := r.Heap.Compact(it.Addr(), it.Bytes()); a != 0 {
		table.SetItem(r.Slot, table.ItemAt(a))
		it.Free(r.Heap)
		it = r.Item()
	}
	if !isRoot(it) {
		return 1 + r.compactNodes(it, few, rnd)
	}
	at := rootAddr(it)
	if a := r.Heap.Compact(at, rootBytes); a != 0 {
		binary.LittleEndian.PutUint64(it.Value(), uint64(a))
		r.Heap.Free(at, rootBytes)
	}
	root := rootOf(it)
	if root.freeing {
		return 1
	}
	cursor := rnd
	if root.items.Len() <= few {
		cursor = 0
	}
	for {
		next := root.items.Walk(cursor, func(slot table.Slot) {
			looked++
			root.compactItem(r.Heap, slot, TypeOf(it))
		})
		root.items.CompactSegment(r.Heap, cursor)
		if next == 0 || root.items.Len() > few {
			return looked + 1
		}
		cursor = next
	}
}

// compactItem moves a field or member, to which its slot refers and, if it has a
// score or a deadline, the order.
func (r *root) compactItem(h *arena.Heap, slot table.Slot, t Type) {
	it := table.ItemOf(slot)
	a := h.Compact(it.Addr(), it.Bytes())
	if a == 0 {
		return
	}
	switch {
	case t == ZSet:
		key := tree.FloatKey(itemScore(it))
		r.order.Delete(h, key, uint64(it.Addr()), tieOf(it.Key()))
		r.order.Insert(h, key, uint64(a), tieOf(it.Key()))
	case it.DeadlineMS() != 0: // of a hash or a set
		due := uint64(it.DeadlineMS())
		r.order.Delete(h, due, uint64(it.Addr()), nil)
		r.order.Insert(h, due, uint64(a), nil)
	}
	table.SetItem(slot, table.ItemAt(a))
	it.Free(h)
}
